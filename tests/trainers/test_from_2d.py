"""Fine-tuning a 2D model: the first step computes what that model computes, and its epochs determine the length."""

import json
import shutil
from inspect import signature

import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args

from nnunet_slice_attention.networks import NETWORKS
from nnunet_slice_attention.trainers.from_2d import num_finetuning_epochs
from tests.networks.configurations import UNETS
from tests.trainers.two_d_models import OURS, TWO_D


def build(name: str = OURS, fold: int | str = 0):
    return get_trainer_from_args("701", "2d", fold, name, device=torch.device("cpu"))


def slices(stack: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """(B, C, S, H, W) -> (N, C, H, W), the slices in the mask `chosen` (B, S)."""
    return stack.transpose(1, 2)[chosen]


SUFFIXES = {"From2D": set(), "From2D_RepeatCentre": {"repeat_centre"}, "From2D_Position": {"position"}}
NAMES = [
    f"Tiny_nnUNetTrainer{name}_{suffix}"
    for name in UNETS
    for suffix, options in SUFFIXES.items()
    if options <= set(signature(NETWORKS[name]).parameters)
]


@pytest.mark.parametrize("name", NAMES)
def test_the_first_loss_is_the_2d_networks(name, two_d):
    trainer, stock = build(name), build(TWO_D)
    trainer.on_train_start()
    stock.initialize()
    stock.load_checkpoint(str(two_d.checkpoint))
    batch = next(trainer.dataloader_train)
    image, target = batch["data"][:, :1], batch["target"]  # without positions
    valid = trainer.network.valid_slices(image.transpose(1, 2))
    if target[0].shape[2] == 1:  # the loss is on the middle slice of each slab
        image, valid = image[:, :, [image.shape[2] // 2]], valid[:, [image.shape[2] // 2]]
        assert valid.all()
    with torch.no_grad():
        ours = trainer.network.train()(batch["data"])
        theirs = stock.network.train()(slices(image, valid))
        expected = stock.loss(theirs, [slices(t, valid) for t in target])
        found = stock.loss([slices(logits, valid) for logits in ours], [slices(t, valid) for t in target])
    assert len(ours) == len(theirs)
    assert float(found) == pytest.approx(float(expected), abs=1e-4)
    if valid.all():
        assert float(trainer.loss(ours, target)) == pytest.approx(float(expected), abs=1e-4)


@pytest.mark.parametrize(
    ("epochs_2d", "epochs"), [(1000, 100), (250, 25), (251, 26), (10, 1), (2, 1), (1, 1)]
)
def test_a_tenth_is_rounded_up(epochs_2d, epochs):
    assert num_finetuning_epochs(epochs_2d) == epochs


@pytest.mark.parametrize("first", ["initialize", "on_train_start"])
def test_optimiser_and_scheduler_have_that_length(first, two_d):
    trainer = build()
    getattr(trainer, first)()
    if first == "initialize":
        assert trainer.num_epochs == 2  # of a tiny trainer, replaced once the 2D model is known
        trainer.on_train_start()
    assert trainer.num_epochs == trainer.lr_scheduler.max_steps == 1
    base, added = trainer.optimizer.param_groups
    assert base["lr"] == 0.005 and 0 < added["lr"] < 0.005
    assert trainer.lr_scheduler.optimizer is trainer.optimizer


def test_a_schedule_in_the_name_takes_precedence(two_d):
    trainer = build(f"{OURS}_5epochs")
    assert trainer.num_epochs == 5
    trainer.on_train_start()
    assert trainer.num_epochs == trainer.lr_scheduler.max_steps == 2  # a tiny trainer's
    assert json.loads(trainer.record.read_text())["epochs"] == 2


def test_only_the_first_of_several_processes_writes_the_record(two_d):
    trainer = build()
    trainer.local_rank = 1
    trainer.on_train_start()
    assert not trainer.record.exists()
    ours, theirs = trainer.network.state_dict(), two_d.read().weights
    assert {name.partition(".")[0] for name in ours.keys() & theirs.keys()} == {"encoder", "decoder"}
    assert all(torch.equal(ours[name], theirs[name]) for name in ours.keys() & theirs.keys())


def test_fold_all_starts_from_fold_all_without_checking_cases(two_d):
    shutil.rmtree(two_d.folder / "validation")
    two_d.folder.rename(two_d.folder.with_name("fold_all"))
    trainer = build(fold="all")
    trainer.on_train_start()
    assert "/fold_all/" in json.loads(trainer.record.read_text())["checkpoint"]

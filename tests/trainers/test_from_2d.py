"""From a finished 2D model: the first step computes what it computes, and the training's length follows from its."""

import json
import shutil
from inspect import signature

import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args

from nnunet_slice_attention.networks import NETWORKS
from nnunet_slice_attention.trainers.from_2d import num_finetuning_epochs
from tests.trainers.two_d_models import OURS, TWO_D


def build(name: str = OURS, fold: int | str = 0):
    return get_trainer_from_args("701", "2d", fold, name, device=torch.device("cpu"))


def slices(stack: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """(B, C, S, H, W) -> (N, C, H, W), those that `chosen` (B, S) says."""
    return stack.transpose(1, 2)[chosen]


SUFFIXES = {"From2D": set(), "From2D_RepeatCentre": {"repeat_centre"}}
NAMES = [
    f"Tiny_nnUNetTrainer{name}_{suffix}"
    for name, network in NETWORKS.items()
    for suffix, options in SUFFIXES.items()
    if options <= set(signature(network).parameters)
]


@pytest.mark.parametrize("name", NAMES)
def test_the_first_loss_is_the_2d_networks(name, two_d):
    trainer, stock = build(name), build(TWO_D)
    trainer.on_train_start()
    stock.initialize()
    stock.load_checkpoint(str(two_d.checkpoint))
    batch = next(trainer.dataloader_train)
    image, target = batch["data"], batch["target"]
    there = trainer.network.valid_slices(image.transpose(1, 2))
    if target[0].shape[2] == 1:  # the middle slice of each slab learns
        image, there = image[:, :, [image.shape[2] // 2]], there[:, [image.shape[2] // 2]]
        assert there.all()
    with torch.no_grad():
        ours = trainer.network.train()(batch["data"])
        theirs = stock.network.train()(slices(image, there))
        wanted = stock.loss(theirs, [slices(t, there) for t in target])
        found = stock.loss([slices(logits, there) for logits in ours], [slices(t, there) for t in target])
    assert len(ours) == len(theirs)
    assert float(found) == pytest.approx(float(wanted), abs=1e-4)
    if there.all():
        assert float(trainer.loss(ours, target)) == pytest.approx(float(wanted), abs=1e-4)


@pytest.mark.parametrize(("of_2d", "epochs"), [(1000, 100), (250, 25), (251, 26), (10, 1), (2, 1), (1, 1)])
def test_a_tenth_is_rounded_up(of_2d, epochs):
    assert num_finetuning_epochs(of_2d) == epochs


@pytest.mark.parametrize("first", ["initialize", "on_train_start"])
def test_optimiser_and_schedule_are_built_for_that_length(first, two_d):
    trainer = build()
    getattr(trainer, first)()
    if first == "initialize":
        assert trainer.num_epochs == 2  # of a tiny trainer, which the 2D model then decides
        trainer.on_train_start()
    assert trainer.num_epochs == trainer.lr_scheduler.max_steps == 1
    of_2d, added = trainer.optimizer.param_groups
    assert of_2d["lr"] == 0.005 and 0 < added["lr"] < 0.005
    assert trainer.lr_scheduler.optimizer is trainer.optimizer


def test_a_length_in_the_name_stands(two_d):
    trainer = build(f"{OURS}_5epochs")
    assert trainer.num_epochs == 5
    trainer.on_train_start()
    assert trainer.num_epochs == trainer.lr_scheduler.max_steps == 2  # a tiny trainer's
    assert json.loads(trainer.record.read_text())["epochs"] == 2


def test_of_several_processes_the_first_writes_the_record(two_d):
    trainer = build()
    trainer.local_rank = 1
    trainer.on_train_start()
    assert not trainer.record.exists()
    ours, theirs = trainer.network.state_dict(), two_d.read().weights
    assert {name.partition(".")[0] for name in ours.keys() & theirs.keys()} == {"encoder", "decoder"}
    assert all(torch.equal(ours[name], theirs[name]) for name in ours.keys() & theirs.keys())


def test_fold_all_starts_from_fold_all_without_a_check_of_cases(two_d):
    shutil.rmtree(two_d.folder / "validation")
    two_d.folder.rename(two_d.folder.with_name("fold_all"))
    trainer = build(fold="all")
    trainer.on_train_start()
    assert "/fold_all/" in json.loads(trainer.record.read_text())["checkpoint"]

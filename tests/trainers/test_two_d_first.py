"""2D first: which epochs are in which phase, and batches, network and optimiser in each phase."""

import re

import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_slice_attention.networks.two_d_weights import added_parameters, load_2d_weights
from nnunet_slice_attention.trainers.two_d_first import num_2d_epochs

NAME = "Tiny_nnUNetTrainerSliceAttention"


@pytest.mark.parametrize(
    ("epochs", "in_2d"), [(1, 0), (2, 1), (3, 2), (5, 3), (10, 6), (15, 9), (20, 12), (1000, 600)]
)
def test_three_in_five_epochs_are_2d_but_never_all(epochs, in_2d):
    assert num_2d_epochs(epochs) == in_2d


def build(tiny, name=NAME) -> nnUNetTrainer:
    return get_trainer_from_args(str(tiny.id), "2d", 0, name, device=torch.device("cpu"))


def first_batch(trainer) -> dict:
    loaders = trainer.get_dataloaders()
    try:
        return next(loaders[0])
    finally:
        for loader in loaders:
            loader._finish()


def test_the_first_phase_has_nnunets_2d_batches_and_no_gradient_in_added_weights(nnunet_folders, tiny):
    trainer, stock = build(tiny), build(tiny, "Tiny_nnUNetTrainer")
    trainer.initialize()
    stock.initialize()
    ours, theirs = first_batch(trainer), first_batch(stock)
    assert ours["data"].shape == theirs["data"].shape
    assert [t.shape for t in ours["target"]] == [t.shape for t in theirs["target"]]
    assert not trainer.probabilistic_oversampling and trainer.slab_margin == 0
    trainer.network.train()
    trainer.train_step(ours)
    added = added_parameters(trainer.network)
    assert added and all(p.grad is None for p in added)


def test_a_step_of_the_first_phase_equals_nnunets(nnunet_folders, tiny):
    trainer, stock = build(tiny), build(tiny, "Tiny_nnUNetTrainer")
    trainer.initialize()
    stock.initialize()
    load_2d_weights(trainer.network, stock.network.state_dict())
    batch = first_batch(stock)
    for each in (trainer, stock):
        each.network.train()
    for _ in range(2):
        losses = [each.train_step(batch)["loss"] for each in (trainer, stock)]
        assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    expected = stock.network.state_dict()
    for name, weight in trainer.network.state_dict().items():
        if not name.startswith("across."):
            torch.testing.assert_close(weight, expected[name], rtol=0, atol=1e-6)


def test_the_second_phase_has_slabs_with_a_loss_on_the_middle_slice(nnunet_folders, tiny):
    trainer = build(tiny)
    trainer.initialize()
    assert trainer.enter_phase(in_2d=False) and not trainer.enter_phase(in_2d=False)
    batch = first_batch(trainer)
    assert (batch["data"].shape[2], batch["target"][0].shape[2]) == (3, 1)
    trainer.network.train()
    trainer.train_step(batch)
    added = added_parameters(trainer.network)
    assert added and all(p.grad is not None for p in added)


@pytest.mark.parametrize("name", [NAME, f"{NAME}_AdamW"])
def test_added_weights_are_a_second_parameter_group_with_warm_up(name, nnunet_folders, tiny):
    trainer = build(tiny, name)
    trainer.initialize()  # sets the two epochs of a tiny trainer
    trainer.num_epochs = 100
    optimizer, scheduler = trainer.configure_optimizers()
    base, added = optimizer.param_groups
    assert {id(p) for p in added["params"]} == {id(p) for p in added_parameters(trainer.network)}
    assert len(base["params"]) + len(added["params"]) == len(list(trainer.network.parameters()))
    rates = {}
    for epoch in (59, 60, 61, 62, 80):
        scheduler.step(epoch)
        rates[epoch] = base["lr"], added["lr"]
    decay = trainer.initial_lr * 0.4**0.9
    assert rates[59][1] == 0
    assert [rates[e][1] for e in (60, 61)] == pytest.approx([decay / 3, 2 * decay / 3])  # 5 % of 40 epochs: 2
    for epoch in (62, 80):
        assert rates[epoch] == pytest.approx([trainer.initial_lr * (1 - epoch / 100) ** 0.9] * 2)


@pytest.fixture(scope="module")
def trained(train, nnunet_folders, tiny):
    name = f"{NAME}_3slices"  # the default under a name that no other test trains, so that the logs are of this run
    train(tiny, name)
    return nnunet_folders / "results" / tiny.folder / f"{name}__nnUNetPlans__2d" / "fold_0"


def test_a_run_has_both_phases_and_is_validated(trained):
    log = "".join(path.read_text() for path in trained.glob("training_log_*.txt"))
    phases = re.findall(r"Phase: (2D|with neighbouring)", log)
    assert phases == ["2D", "with neighbouring"]
    assert (trained / "validation" / "summary.json").is_file()


def test_added_weights_are_trained(trained, nnunet_folders, tiny):
    final = torch.load(trained / "checkpoint_final.pth", weights_only=False)["network_weights"]
    out = [w for name, w in final.items() if name.startswith("across.") and ".out." in name]
    assert out and all(w.any() for w in out)


def test_the_best_checkpoint_is_reset_when_neighbours_join(nnunet_folders, tiny, train):
    trainer = build(tiny, "Long_nnUNetTrainerSliceAttention")
    trainer.initialize()
    trainer.on_train_start()
    try:
        trainer._best_ema = 0.9
        for epoch, expected in ((5, 0.9), (6, None)):
            trainer.current_epoch = epoch
            trainer.on_epoch_start()
            assert trainer._best_ema == expected, epoch
        trainer._best_ema, trainer.current_epoch = 0.5, 7
        trainer.on_epoch_start()
        assert trainer._best_ema == 0.5
    finally:
        trainer._stop_loaders()


@pytest.mark.parametrize(
    "name", ["Tiny_nnUNetTrainerVAUNet_2DFirst", "Tiny_nnUNetTrainerEarlyFusion_2DFirst"]
)
def test_other_networks_have_the_same_schedule(name, run_nnunet, nnunet_folders, tiny):
    run_nnunet("nnUNetv2_train", tiny.id, "2d", 0, "-tr", name, "-device", "cpu")
    fold = nnunet_folders / "results" / tiny.folder / f"{name}__nnUNetPlans__2d" / "fold_0"
    log = "".join(path.read_text() for path in fold.glob("training_log_*.txt"))
    assert re.findall(r"Phase: (2D|with)", log) == ["2D", "with"]


def test_pretrained_weights_of_what_is_to_start_at_zero_are_refused_before_the_first_epoch(
    nnunet_folders, tiny
):
    trainer = build(tiny)
    trainer.initialize()
    with torch.no_grad():  # as nnU-Net's -pretrained_weights does after `initialize`
        next(trainer.network.encoder.parameters()).add_(1)
        trainer._check_added_weights()
        added_parameters(trainer.network)[-1].add_(1)
    with pytest.raises(
        ValueError, match=r"-pretrained_weights also sets .*SliceAttention adds .*_FromScratch"
    ):
        trainer.on_train_start()
    resumed = build(tiny)
    resumed.initialize()
    resumed.current_epoch = 1
    with torch.no_grad():
        added_parameters(resumed.network)[-1].add_(1)
    resumed.on_train_start()
    resumed._stop_loaders()

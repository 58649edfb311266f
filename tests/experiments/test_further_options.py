"""Trainers of equal_time that are no part of the package."""

from pathlib import Path

import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args

from benchmark_results.equal_time.trainers.further_options import (
    SliceShift,
    TwoRatesLRScheduler,
    nnUNetTrainerSliceAttentionFreezesFirst,
    nnUNetTrainerSliceAttentionJoinsLate,
    nnUNetTrainerSliceAttentionOnFinished2D,
    set_frozen,
    shift,
)
from experiments.__main__ import provide_trainers
from experiments.declaration import RESULTS
from nnunet_slice_attention import shim
from nnunet_slice_attention.attention.neighbours import Neighbourhood
from nnunet_slice_attention.networks import UNetTopology, create_network
from nnunet_slice_attention.trainers.find_trainer import find_trainer

TWO_D, ADDED = {"encoder", "decoder"}, {"across"}
TRAINERS = (
    nnUNetTrainerSliceAttentionFreezesFirst,
    nnUNetTrainerSliceAttentionJoinsLate,
    nnUNetTrainerSliceAttentionOnFinished2D,
)


@pytest.mark.parametrize("name", ["nnUNetTrainerSliceShift", *(trainer.__name__ for trainer in TRAINERS)])
def test_nnunet_finds_the_trainers_of_an_experiment_beside_those_of_the_package(name, monkeypatch):
    monkeypatch.setenv("nnUNet_extTrainer", str(Path(shim.__file__).parent))
    provide_trainers(RESULTS / "equal_time")
    assert find_trainer(name).__name__ == name
    assert find_trainer("nnUNetTrainerCSANet").network_name == "CSANet"


def rates(trainer: type, epochs: int = 10) -> list[list[float]]:
    """Of the 2D network's weights and of those that are added, in each epoch."""
    own = object.__new__(trainer)
    own.num_epochs, own.initial_lr = epochs, 0.01
    weights = [{"params": [torch.nn.Parameter(torch.zeros(1))]} for _ in range(2)]
    optimizer = torch.optim.SGD(weights, 0.01)
    scheduler = TwoRatesLRScheduler(
        optimizer, 0.01, epochs, [(0, 0), (8, 1)], own.join_epoch, own.rate_in_2d, own.rate_with_neighbours
    )
    found = []
    for epoch in range(epochs):
        scheduler.step(epoch)
        found.append([group["lr"] for group in optimizer.param_groups])
    return found


def test_neighbours_that_join_late_learn_at_the_rate_that_2d_has_reached():
    *in_2d, joining, last = rates(nnUNetTrainerSliceAttentionJoinsLate)
    assert [first for first, _ in in_2d] == pytest.approx([0.01 * (1 - e / 10) ** 0.9 for e in range(8)])
    reached = 0.01 * 0.2**0.9
    assert joining == pytest.approx([reached, reached / 2])
    assert last == pytest.approx([reached, reached])


def test_a_finished_2d_model_has_had_its_whole_schedule_before_attention_begins_its_own():
    *in_2d, joining, last = rates(nnUNetTrainerSliceAttentionOnFinished2D)
    assert [first for first, _ in in_2d] == pytest.approx([0.01 * (1 - e / 8) ** 0.9 for e in range(8)])
    assert joining == pytest.approx([0.01, 0.005])
    assert last == pytest.approx([0.01 * 0.5**0.9] * 2)


@pytest.mark.parametrize(
    ("trainer", "learning"),
    [
        (nnUNetTrainerSliceAttentionFreezesFirst, {5: TWO_D, 6: ADDED, 7: ADDED, 8: TWO_D | ADDED}),
        (nnUNetTrainerSliceAttentionOnFinished2D, {7: TWO_D, 8: ADDED, 9: ADDED}),
        (nnUNetTrainerSliceAttentionJoinsLate, {7: TWO_D, 8: TWO_D | ADDED}),
    ],
)
def test_what_learns_in_which_of_ten_epochs_also_when_resumed(
    trainer, learning, nnunet_folders, tiny, tmp_path, monkeypatch
):
    monkeypatch.setenv("nnUNet_n_proc_DA", "0")
    monkeypatch.setenv("nnUNet_results", str(tmp_path))
    monkeypatch.setenv("nnUNet_extTrainer", str(Path(shim.__file__).parent))
    provide_trainers(RESULTS / "equal_time")
    for start in (min(learning), max(learning)):
        own = get_trainer_from_args(str(tiny.id), "2d", 0, trainer.__name__, device=torch.device("cpu"))
        own.num_epochs, own.current_epoch = 10, start
        own.on_train_start()
        for own.current_epoch in (epoch for epoch in learning if epoch >= start):
            assert learns(own) == learning[own.current_epoch], own.current_epoch


def learns(trainer) -> set[str]:
    """The modules whose weights a training step of the current epoch changes."""
    trainer.on_epoch_start()
    trainer.on_train_epoch_start()
    network = trainer.unwrapped_network()
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    trainer.train_step(next(trainer.dataloader_train))
    changed = (name for name, weight in network.named_parameters() if not torch.equal(weight, before[name]))
    return {name.partition(".")[0] for name in changed}


def test_frozen_weights_are_those_of_the_2d_network():
    network = create_network("SliceAttention", patch_size=(32, 32), features_per_stage=[4, 8])
    set_frozen(network, True)
    learning = {name.split(".")[0] for name, p in network.named_parameters() if p.requires_grad}
    assert learning == {"across"}
    set_frozen(network, False)
    assert all(p.requires_grad for p in network.parameters())


def test_a_shift_takes_an_eighth_of_the_channels_from_each_neighbour():
    skip = torch.randn(2, 4, 16, 3, 3)
    shifted = shift(skip, Neighbourhood(range(4), torch.ones(2, 4, dtype=torch.bool)))
    torch.testing.assert_close(shifted[:, 1:, :2], skip[:, :-1, :2])
    torch.testing.assert_close(shifted[:, :-1, 2:4], skip[:, 1:, 2:4])
    torch.testing.assert_close(shifted[:, :, 4:], skip[:, :, 4:])
    torch.testing.assert_close(shifted[:, 0, :2], skip[:, 0, :2])
    torch.testing.assert_close(shifted[:, -1, 2:4], skip[:, -1, 2:4])


def test_a_shifted_slice_depends_on_its_two_neighbours_alone():
    network = SliceShift(1, 2, UNetTopology.for_patch((32, 32), [8, 16]), (32, 32)).eval()
    stack = torch.randn(1, 1, 5, 32, 32, requires_grad=True)
    network(stack)[:, :, 2].sum().backward()
    assert (stack.grad.abs().sum(dim=(0, 1, 3, 4)) > 0).tolist() == [False, True, True, True, False]

"""The batch of slabs is split over GPUs as in nnU-Net, and every GPU oversamples foreground equally."""

from dataclasses import replace

import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args
from nnunetv2.training.nnUNetTrainer import nnUNetTrainer as upstream

from nnunet_slice_attention.plans.slabs import training_slabs
from nnunet_slice_attention.trainers.gpu_check import check_equal_shares

WORLD = 2


@pytest.fixture
def on_two_gpus(nnunet_folders, tiny, monkeypatch):
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: WORLD)
    monkeypatch.setattr(upstream, "DDP", lambda network, device_ids: network)

    def build(name: str, rank: int):
        trainer = get_trainer_from_args(str(tiny.id), "2d", 0, name, device=torch.device("cpu"))
        trainer.is_ddp = True
        monkeypatch.setattr(torch.distributed, "get_rank", lambda: rank)
        return trainer

    return build


@pytest.mark.parametrize("rank", range(WORLD))
def test_each_gpu_has_its_slabs_and_oversamples_a_third_of_them(on_two_gpus, rank):
    trainer = on_two_gpus("nnUNetTrainerCSANet", rank)
    trainer.slab = replace(trainer.slab, train_slabs=WORLD)
    trainer.train_on(trainer.slab)
    trainer.probabilistic_oversampling = True
    trainer._set_batch_size_and_oversample()
    assert trainer.batch_size == 1
    assert trainer.oversample_foreground_percent == pytest.approx(0.33)


def test_more_gpus_than_slabs_is_an_error(on_two_gpus):
    trainer = on_two_gpus("nnUNetTrainerCSANet_DeepSlabs", 0)
    with pytest.raises(
        ValueError, match=r"2 GPUs cannot share a batch of 1 slabs equally. Train with -num_gpus 1,"
    ):
        trainer._set_batch_size_and_oversample()


def test_too_few_slabs_in_the_second_phase_are_an_error_before_the_first(on_two_gpus):
    trainer = on_two_gpus("nnUNetTrainerSliceAttention_DeepSlabs", 0)
    with pytest.raises(ValueError, match=r"2 GPUs cannot share a batch of 1 slabs"):
        trainer.initialize()


def with_planned_batch(trainer, slices: int):
    """As with plans of that batch size."""
    _, slabs = training_slabs(slices, trainer.context_radius(), trainer.sampling)
    trainer.planned_batch_size, trainer.slab = slices, replace(trainer.slab, train_slabs=slabs)
    trainer.train_on(trainer.slab)
    return trainer


@pytest.mark.parametrize(
    ("name", "slices", "message"),
    [
        (
            "SliceAttention_FullSlabs",
            10,
            r"a batch of 3 slabs equally\. Train with -num_gpus 1, with the suffix _ContextSlabs, or with plans",
        ),
        ("SliceAttention", 11, r"a batch of 11 slices equally\. Train with -num_gpus 1, or with plans"),
        ("CSANet", 11, r"a batch of 11 slabs equally\. Train with -num_gpus 1, or with plans"),
    ],
)
def test_unequal_shares_in_a_phase_are_an_error_before_the_first_epoch_but_not_in_validation(
    name, slices, message, on_two_gpus
):
    trainer = with_planned_batch(on_two_gpus(f"nnUNetTrainer{name}", 0), slices)
    trainer.initialize()  # all that --val needs
    with pytest.raises(ValueError, match=f"^2 GPUs cannot share {message}"):
        trainer.on_train_start()


def test_the_number_of_gpus_that_is_named_suits_both_phases(on_two_gpus):
    trainer = with_planned_batch(on_two_gpus("nnUNetTrainerSliceAttention_FullSlabs", 0), 12)  # 4 slabs
    for gpus in (1, 2, 4):
        check_equal_shares(trainer, gpus)
    for gpus in (3, 6, 8):
        with pytest.raises(ValueError, match=f"-num_gpus {2 if gpus == 3 else 4}, "):
            check_equal_shares(trainer, gpus)
    trainer.current_epoch = trainer.num_epochs  # --c, for an interrupted validation
    check_equal_shares(trainer, 3)


def test_a_dice_loss_per_slab_needs_no_equal_shares(on_two_gpus):
    trainer = with_planned_batch(on_two_gpus("nnUNetTrainerCSANet", 0), 5)
    trainer.configuration_manager.configuration["batch_dice"] = False
    check_equal_shares(trainer, 2)
    with pytest.raises(ValueError, match=r"6 GPUs cannot share a batch of 5 slabs"):
        check_equal_shares(trainer, 6)

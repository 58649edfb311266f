"""The batch of slabs is split over GPUs as in nnU-Net, and every GPU oversamples foreground equally."""

from dataclasses import replace

import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args

WORLD = 2


@pytest.fixture
def on_two_gpus(nnunet_folders, tiny, monkeypatch):
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: WORLD)

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
    with pytest.raises(ValueError, match=r"2 GPUs cannot share a batch of 1 slabs. Train with -num_gpus 1"):
        trainer._set_batch_size_and_oversample()


def test_too_few_slabs_in_the_second_phase_are_an_error_before_the_first(on_two_gpus):
    trainer = on_two_gpus("nnUNetTrainerSliceAttention_DeepSlabs", 0)
    with pytest.raises(ValueError, match=r"2 GPUs cannot share a batch of 1 slabs"):
        trainer.initialize()

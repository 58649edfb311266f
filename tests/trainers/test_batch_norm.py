"""Batch norm has no statistics of prediction where context is encoded apart from the slices that learn."""

import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args

from nnunet_slice_attention.trainers.norm_check import check_norm


def trainer_with(tiny, name, norm):
    trainer = get_trainer_from_args(str(tiny.id), "2d", 0, name, device=torch.device("cpu"))
    trainer.configuration_manager.configuration["architecture"]["arch_kwargs"]["norm_op"] = norm
    return trainer


@pytest.mark.parametrize("name", ["TSFMUNet", "SliceAttention"])
def test_plans_with_batch_norm_are_refused_before_the_first_step(name, tiny):
    trainer = trainer_with(tiny, f"Tiny_nnUNetTrainer{name}", "torch.nn.modules.batchnorm.BatchNorm2d")
    with pytest.raises(ValueError, match="BatchNorm2d.*_FullSlabs.*instance norm"):
        trainer.on_train_start()


@pytest.mark.parametrize(
    ("suffix", "norm"),
    [
        ("TSFMUNet_FullSlabs", "batchnorm.BatchNorm2d"),
        ("TSFMUNet", "instancenorm.InstanceNorm2d"),
        ("SliceUNet", "batchnorm.BatchNorm2d"),  # encodes no context
    ],
)
def test_where_all_slices_learn_and_with_instance_norm_it_is_fine(suffix, norm, tiny):
    trainer = trainer_with(tiny, f"Tiny_nnUNetTrainer{suffix}", f"torch.nn.modules.{norm}")
    trainer.initialize()
    check_norm(type(trainer), trainer.unwrapped_network(), trainer.configuration_manager)

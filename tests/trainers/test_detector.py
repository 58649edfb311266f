"""What differs when nnU-Net's loop trains a detector; that it trains and predicts is tested in test_end_to_end.py."""

import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args

NAME = "nnUNetTrainerVAMaskRCNN_ResNet18_1sliceImages"


def build(dataset, name: str = NAME):
    return get_trainer_from_args(str(dataset.id), "2d", 0, name, device=torch.device("cpu"))


def test_one_loss_trains_instances_and_another_validates_segmentations(nnunet_folders, tiny, monkeypatch):
    monkeypatch.setenv("nnUNet_compile", "true")
    trainer = build(tiny)
    trainer.device = torch.device("cuda")  # on a CPU nnU-Net never compiles
    assert not trainer._do_i_compile()
    trainer.device = torch.device("cpu")
    trainer.initialize()
    assert not trainer.enable_deep_supervision
    assert not trainer.network.decoder.deep_supervision
    x = torch.randn(1, 1, 3, *trainer.configuration_manager.patch_size[-2:])
    target = torch.zeros_like(x[:, :, :1])
    target[..., 10:20, 10:20] = 1
    pyramid = trainer.network.train()(x)
    torch.manual_seed(0)  # regions are sampled
    expected = sum(trainer.network.losses(pyramid, target).values())
    torch.manual_seed(0)
    assert trainer.loss(pyramid, target) == expected

    def validation_loss(probability):
        """Of a prediction with this probability of each voxel's true class."""
        true = torch.nn.functional.one_hot(target[:, 0].long(), 3).movedim(-1, 1)
        return trainer.loss((true * probability + (1 - true) * (1 - probability) / 2).log(), target)

    assert validation_loss(0.99) < validation_loss(0.6) < validation_loss(0.1)


def test_an_ignore_label_is_refused_before_training(nnunet_folders, tiny_regions):
    with pytest.raises(ValueError, match="has an ignore label.*nnUNetTrainerVAUNet"):
        build(tiny_regions).on_train_start()

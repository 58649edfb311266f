"""No 2D model, an unfinished one or several: each error gives the next step."""

import json
import os
import shutil

import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args

from nnunet_slice_attention.trainers.two_d_model import TwoDModel, find_2d_model
from tests.trainers.two_d_models import COMMAND, OURS, TWO_D, edit


def twin(two_d: TwoDModel, trainer: str, epochs: int) -> None:
    """A second 2D model."""
    model = TwoDModel(two_d.results, two_d.name._replace(trainer=trainer), 0)
    shutil.copytree(two_d.folder.parent, model.folder.parent)
    edit(model.checkpoint, lambda content: content.update(current_epoch=epochs))


def test_no_2d_model_where_models_of_this_package_do_not_count(two_d, start):
    saved = two_d.folder.parent / "plans.json"
    plans = json.loads(saved.read_text())
    plans["configurations"]["2d"]["patch_size"] = [4, 40, 40]  # a slab's
    saved.write_text(json.dumps(plans))
    expected = (
        r"fold 0 of Dataset701_Tiny \(nnUNetPlans, 2d\) has no trained 2D model .*nnUNetv2_train 701 2d 0$"
    )
    with pytest.raises(FileNotFoundError, match=expected):
        start()


def test_the_command_includes_other_plans(tmp_path):
    (tmp_path / "Dataset027_ACDC").mkdir()
    with pytest.raises(
        FileNotFoundError, match=r"Train it first: nnUNetv2_train 27 2d 3 -p nnUNetCompactPlans$"
    ):
        find_2d_model(tmp_path / "Dataset027_ACDC", "nnUNetCompactPlans", "2d", 3)


def test_saved_plans_that_cannot_be_read(two_d, start):
    (two_d.folder.parent / "plans.json").write_text("{")
    with pytest.raises(
        ValueError, match=r"plans.json cannot be read .* Train that model again, or move its folder"
    ):
        start()


@pytest.mark.parametrize("left", ["latest", "best"])
def test_an_unfinished_2d_model(left, two_d, start):
    (two_d.folder / "checkpoint_best.pth").unlink()
    two_d.checkpoint.rename(two_d.folder / f"checkpoint_{left}.pth")
    with pytest.raises(FileNotFoundError, match=rf"is not finished. Finish it first: {COMMAND} --c$"):
        start()


def test_a_finished_2d_model_that_was_started_again(two_d):
    latest = shutil.copy(two_d.checkpoint, two_d.folder / "checkpoint_latest.pth")
    os.utime(two_d.checkpoint, (1, 1))
    expected = (
        rf"2D model of {TWO_D} was .* started again.*move {latest.name} away; .*finish it: {COMMAND} --c$"
    )
    with pytest.raises(ValueError, match=expected):
        find_2d_model(two_d.results, "nnUNetPlans", "2d", 0)


def test_several_2d_models(two_d, start, monkeypatch):
    twin(two_d, "nnUNetTrainer_250epochs", 250)
    twin(two_d, "nnUNetTrainer_500epochs", 500)
    both = rf"{TWO_D} \(epochs: 2\), nnUNetTrainer_250epochs \(epochs: 250\), nnUNetTrainer_500epochs \(epochs: 500\)"
    with pytest.raises(
        ValueError, match=f"has 3 trained 2D models: {both}. .*: export nnUNet_from2D=nnUNetTrainer_500"
    ):
        start()
    monkeypatch.setenv("nnUNet_from2D", "nnUNetTrainer_5epochs")
    with pytest.raises(
        ValueError, match=f"nnUNet_from2D=nnUNetTrainer_5epochs matches no trained 2D model. .*{both}"
    ):
        start()
    monkeypatch.setenv("nnUNet_from2D", "nnUNetTrainer_250epochs")
    trainer = get_trainer_from_args("701", "2d", 0, OURS, device=torch.device("cpu"))
    trainer.on_train_start()
    assert json.loads(trainer.record.read_text())["epochs_of_2d"] == 250 and trainer.num_epochs == 25


def test_a_finished_2d_model_beside_an_unfinished_one(two_d, monkeypatch):
    unfinished = "nnUNetTrainer"
    twin(two_d, unfinished, 900)
    model = TwoDModel(two_d.results, two_d.name._replace(trainer=unfinished), 0)
    model.checkpoint.rename(model.folder / "checkpoint_latest.pth")

    def find():
        return find_2d_model(two_d.results, "nnUNetPlans", "2d", 0)

    expected = (
        rf"one trained 2D model, {TWO_D} \(epochs: 2\), and others whose training is not finished: {unfinished}\. .*: "
        rf"export nnUNet_from2D={TWO_D}\. .*nnUNetv2_train 701 2d 0 --c\), then: export nnUNet_from2D={unfinished}$"
    )
    with pytest.raises(ValueError, match=expected):
        find()
    monkeypatch.setenv("nnUNet_from2D", TWO_D)
    assert find() == two_d
    monkeypatch.setenv("nnUNet_from2D", unfinished)
    with pytest.raises(FileNotFoundError, match="is not finished. Finish it first"):
        find()

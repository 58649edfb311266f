"""`predict --continue_prediction` skips results of the same settings, weights and images only."""

import shutil
from pathlib import Path

import pytest
import torch

from nnunet_slice_attention.cli import main
from tests.inference.continued_predictions import (
    CASES,
    CONTINUE,
    FAST,
    FINAL,
    change,
    files,
    predict,
    record,
    segmentations,
)
from tests.inference.tiny_model import TRAINER
from tests.tiny_data import read, write


@pytest.mark.parametrize(
    ("flags", "folds", "messages"),
    [
        ([FAST], ("1",), ["folds 0, now 1; weights_sha256 "]),
        ([FAST], ("0", "1"), ["folds 0, now 0 1; folds_averaged 1, now 2; weights_sha256 "]),
        ([], ("0",), ["other settings: mirroring_axes none, now 1 2. "]),
        ([FAST, "-step_size", "0.25"], ("0",), ["other settings: tile_step_size 0.5, now 0.25. "]),
        (
            [FAST, "-step_size", "1", "--neighbours", "repeat"],
            ("0",),
            ["tile_step_size 0.5, now 1.0; neighbours own, now repeat. "],
        ),
    ],
    ids=["fold", "folds", "mirroring", "step", "step_and_neighbours"],
)
def test_other_settings_are_refused(predicted, out, capsys, flags, folds, messages):
    (out / CASES[1]).unlink()
    before = files(out)
    assert predict(predicted, out, CONTINUE, *flags, folds=folds) == 1
    error = capsys.readouterr().err
    for message in messages:
        assert message in error
    assert f"{out / CASES[0]} was predicted with other settings: " in error
    assert "Predict without --continue_prediction to predict all cases again, or choose another -o." in error
    assert files(out) == before


def test_weights_that_were_trained_further_are_refused(predicted, out, model_copy, tmp_path, capsys):
    change(model_copy / "fold_0" / FINAL)
    before = files(out)
    assert predict(predicted, out, CONTINUE, FAST, model=model_copy) == 1
    error = capsys.readouterr().err
    assert f"model {predicted.folder}, now {model_copy}; " in error
    assert predict(predicted, tmp_path / "other", FAST, model=model_copy) == 0
    then, now = (record(folder)["weights_sha256"][0][:12] for folder in (out, tmp_path / "other"))
    assert f"weights_sha256 {then}, now {now}. " in error
    assert files(out) == before


def test_another_checkpoint_is_named(predicted, out, model_copy, capsys):
    change(model_copy / "fold_0" / FINAL, to=model_copy / "fold_0" / "checkpoint_other.pth")
    assert predict(predicted, out, CONTINUE, FAST, "-chk", "checkpoint_other.pth", model=model_copy) == 1
    assert f"checkpoint {FINAL}, now checkpoint_other.pth; weights_sha256 " in capsys.readouterr().err


def test_another_network_with_the_same_weights_is_refused(predicted, out, model_copy, capsys):
    other = f"{TRAINER}_RepeatCentre"
    change(model_copy / "fold_0" / FINAL, trainer_name=other)
    assert predict(predicted, out, CONTINUE, FAST, model=model_copy) == 1
    assert f"other settings: trainer {TRAINER}, now {other}. " in capsys.readouterr().err


def test_what_does_not_change_the_result_is_not_compared(predicted, out, model_copy):
    before = segmentations(out)
    assert predict(predicted, out, CONTINUE, FAST, "--slices", "2", "--not_on_device", model=model_copy) == 0
    content = torch.load(model_copy / "fold_0" / FINAL, weights_only=False)
    torch.save(content | {"optimizer_state": None}, model_copy / "fold_0" / "checkpoint_slim.pth")
    assert predict(predicted, out, CONTINUE, FAST, "-chk", "checkpoint_slim.pth", model=model_copy) == 0
    assert segmentations(out) == before


def test_a_case_whose_image_was_replaced_is_predicted_again(predicted, out, tmp_path):
    images = Path(shutil.copytree(predicted.images, tmp_path / "images"))
    before = segmentations(out)
    assert predict(predicted, out, CONTINUE, FAST, images=images) == 0
    assert segmentations(out) == before  # the same files elsewhere
    write(read(next(images.glob("test_0*"))) * 0 + 1, next(images.glob("test_0*")))
    noted = record(out)["images_sha256"]
    assert predict(predicted, out, CONTINUE, FAST, images=images) == 0
    assert segmentations(out)[CASES[0]] != before[CASES[0]]
    assert segmentations(out)[CASES[1]] == before[CASES[1]]
    now = record(out)["images_sha256"]
    assert now[CASES[0]] != noted[CASES[0]] and now[CASES[1]] == noted[CASES[1]]
    assert record(out)["cases"] == CASES and "earlier" not in record(out)


def test_the_order_of_folds_is_not_compared(predicted, tmp_path):
    out = tmp_path / "out"
    assert predict(predicted, out, FAST, folds=("0", "1")) == 0
    before = segmentations(out)
    assert predict(predicted, out, CONTINUE, FAST, folds=("1", "0")) == 0
    assert segmentations(out) == before


def test_a_bundle_continues_what_its_checkpoints_began(predicted, out, tmp_path, capsys):
    export = ["export", "--format", "bundle", "-d", predicted.id, "-tr", TRAINER]
    before = segmentations(out)
    for fold, status in (("0", 0), ("1", 1)):
        bundle = str(tmp_path / f"{fold}.zip")
        assert main([*export, "-f", fold, "-o", bundle]) == 0
        argv = ["predict", "--bundle", bundle, "-i", str(predicted.images), "-o", str(out), "-device", "cpu"]
        assert main([*argv, "-npp", "0", "-nps", "0", FAST, CONTINUE]) == status
    assert "folds 0, now 1; " in capsys.readouterr().err
    assert segmentations(out) == before

"""Which validation a model card may cite: one with the exported weights, of the cases that they did not learn from."""

import json
import os
from types import SimpleNamespace

import pytest

from nnunet_slice_attention.bundle.export import _validation
from nnunet_slice_attention.bundle.model_card import _accuracy
from nnunet_slice_attention.fold_validation import noted_checkpoint

CASES = ("a", "b")


@pytest.fixture
def fold(tmp_path):
    """A fold that was validated on two cases when its training ended."""
    validation = tmp_path / "validation"
    validation.mkdir()
    files = [validation / f"{case}.nii.gz" for case in CASES]
    listed = [{"prediction_file": str(file), "metrics": {}} for file in files]
    summary = validation / "summary.json"
    summary.write_text(json.dumps({"metric_per_case": listed, "mean": {"1": {"Dice": 0.5}}}))
    for file in (*files, tmp_path / "checkpoint_final.pth"):
        file.touch()
    for file in (*files, summary, tmp_path / "checkpoint_final.pth"):
        os.utime(file, (1000, 1000))
    return SimpleNamespace(folder=tmp_path, files=files, summary=summary)


def log(fold, validation):
    text = f"This split has 4 training and {validation} validation cases. \nEpoch 0 \n"
    (fold.folder / "training_log_2026_1_1_10_00_00.txt").write_text(text)


def test_the_validation_at_the_end_of_training_is_cited(fold):
    assert _validation(fold.folder, "0")["mean"]["1"]["Dice"] == 0.5
    log(fold, 2)
    assert _validation(fold.folder, "0")
    for file in fold.files:  # as in nnU-Net's zip files
        file.unlink()
    assert _validation(fold.folder, "0")


@pytest.mark.parametrize("name", ["summary.json", "b.nii.gz"])
def test_not_one_with_results_of_earlier_weights(fold, name):
    os.utime(fold.folder / "validation" / name, (999, 999))
    assert _validation(fold.folder, "0") is None


def test_not_one_with_the_best_checkpoint(fold):
    with noted_checkpoint(fold.folder, "checkpoint_best.pth"):
        pass
    assert _validation(fold.folder, "0") is None


def test_not_one_with_more_cases_than_the_split_of_the_training(fold):
    log(fold, 1)  # --val was run after the split was changed
    assert _validation(fold.folder, "0") is None


def test_each_fold_without_one_is_named():
    summary = {"metric_per_case": [{}], "mean": {"1": {"Dice": 0.5}}}
    assert _accuracy("0", None) == "- fold 0: not validated with these weights"
    assert _accuracy("1", summary).startswith("- fold 1: mean validation Dice per label 1: 0.500")

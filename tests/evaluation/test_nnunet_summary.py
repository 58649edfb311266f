"""nnU-Net's evaluation, run on files with a known answer and read back."""

import math

import numpy as np
import pytest
from nnunetv2.evaluation.evaluate_predictions import compute_metrics_on_folder_simple

from nnunet_slice_attention.evaluation.nnunet_summary import read_dice
from tests.tiny_data import write


@pytest.fixture
def summary(tmp_path):
    truth = np.zeros((2, 4, 4), np.uint8)
    truth[:, :2] = 1
    predicted = truth.copy()
    predicted[0, :2] = 0
    for folder, volume in (("truth", truth), ("predicted", predicted)):
        (tmp_path / folder).mkdir()
        write(volume, tmp_path / folder / "case_7.nii.gz")
    folders = str(tmp_path / "truth"), str(tmp_path / "predicted")
    compute_metrics_on_folder_simple(*folders, [1, 2], num_processes=1)
    return tmp_path / "predicted" / "summary.json"


def test_dice_per_case_and_class_is_nan_for_an_absent_class(summary):
    dice = read_dice(summary, {"1": "disc", "2": "core"})
    assert list(dice) == ["case_7"]
    assert dice["case_7"]["disc"] == pytest.approx(2 * 8 / (8 + 16))
    assert math.isnan(dice["case_7"]["core"])


def test_a_label_that_was_not_evaluated_is_named(summary):
    with pytest.raises(KeyError, match="label '3' was not evaluated, only 1, 2"):
        read_dice(summary, {"3": "vein"})


@pytest.mark.parametrize("content", ["", '{"metric_per_case": [{', "[]", "{}", '{"metric_per_case": [1]}'])
def test_a_damaged_summary_is_named_with_the_next_step(tmp_path, content):
    summary = tmp_path / "summary.json"
    summary.write_text(content)
    with pytest.raises(ValueError, match=r"summary.json is damaged: .*Evaluate again"):
        read_dice(summary, {"1": "disc"})

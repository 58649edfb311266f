"""nnU-Net's evaluation, run on files with a known answer and read back."""

import math

import numpy as np
import pytest
from nnunetv2.evaluation.evaluate_predictions import compute_metrics_on_folder_simple

from nnunet_slice_attention.evaluation.nnunet_summary import read_cases
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


def test_every_case_has_its_metrics_by_label_with_nan_for_an_absent_one(summary):
    (case,) = read_cases(summary)
    assert case["prediction_file"].endswith("predicted/case_7.nii.gz")
    assert case["metrics"]["1"]["Dice"] == pytest.approx(2 * 8 / (8 + 16))
    assert math.isnan(case["metrics"]["2"]["Dice"])


@pytest.mark.parametrize("content", ["", '{"metric_per_case": [{', "[]", "{}", '{"metric_per_case": [1]}'])
def test_a_damaged_summary_is_named_with_the_next_step(tmp_path, content):
    summary = tmp_path / "summary.json"
    summary.write_text(content)
    with pytest.raises(ValueError, match=r"summary.json is damaged: .*Evaluate again"):
        read_cases(summary)

"""Which results in a fold's folder are of its present weights, and that every command that relies on them asks."""

import json
import math
import os

import numpy as np
import pytest
from nnunetv2.evaluation.evaluate_predictions import compute_metrics_on_folder_simple

from nnunet_slice_attention.comparison.model import Model
from nnunet_slice_attention.fold_validation import (
    began_again,
    evaluated_cases,
    is_older_than_weights,
    listed_predictions,
    noted_checkpoint,
    older_than_weights,
    validated_checkpoint,
)
from nnunet_slice_attention.model_name import ModelName
from nnunet_slice_attention.trainers.checkpoint import Checkpoint
from nnunet_slice_attention.trainers.two_d_checks import check_unseen
from nnunet_slice_attention.trainers.two_d_model import TwoDModel
from tests.tiny_data import write

NAME = "nnUNetTrainer__nnUNetPlans__2d"
CASES = ("a", "b")
TRAINED = 1000  # time of the checkpoint


def written(file, time):
    file.touch()
    os.utime(file, (time, time))
    return file


@pytest.fixture
def fold(tmp_path):
    """A fold whose two cases were validated when its training ended; in the summary, one path is of Windows."""
    folder = tmp_path / "Dataset901_X" / NAME / "fold_0"
    (folder / "validation").mkdir(parents=True)
    written(folder / "checkpoint_final.pth", TRAINED)
    for case in CASES:
        written(folder / "validation" / f"{case}.nii.gz", TRAINED)
    listed = [{"prediction_file": "C:\\results\\a.nii.gz"}, {"prediction_file": "/results/b.nii.gz"}]
    summary = folder / "validation" / "summary.json"
    summary.write_text(json.dumps({"metric_per_case": listed}))
    written(summary, TRAINED)
    return folder


def older(fold):
    summary = fold / "validation" / "summary.json"
    listed = listed_predictions(summary, json.loads(summary.read_text())["metric_per_case"])
    return [file.name for file in older_than_weights(fold, listed)]


def test_summary_and_predictions_written_before_the_checkpoint_are_not_of_its_weights(fold):
    assert older(fold) == []
    for name in ("summary.json", "b.nii.gz"):
        file = written(fold / "validation" / name, TRAINED - 1)
        assert is_older_than_weights(file, fold)
        assert older(fold) == [name]
        written(file, TRAINED)


def test_what_is_missing_tells_nothing(fold):
    (fold / "validation" / "a.nii.gz").unlink()
    assert older(fold) == []
    (fold / "checkpoint_final.pth").unlink()
    written(fold / "validation" / "b.nii.gz", 1)
    assert older(fold) == []


def test_a_finished_fold_was_begun_again_once_it_has_a_newer_checkpoint_of_a_training(fold):
    latest = written(fold / "checkpoint_latest.pth", TRAINED - 1)  # killed before nnU-Net removed it
    assert not began_again(fold)
    written(latest, TRAINED + 1)
    assert began_again(fold)
    (fold / "checkpoint_final.pth").unlink()
    assert not began_again(fold)


def test_a_validation_is_of_another_checkpoint_until_the_final_one_has_made_all_of_it(tmp_path):
    assert validated_checkpoint(tmp_path) == "checkpoint_final.pth"  # nnU-Net's own trainers note nothing
    with noted_checkpoint(tmp_path, "checkpoint_best.pth"):
        assert validated_checkpoint(tmp_path) == "checkpoint_best.pth"
    with pytest.raises(KeyboardInterrupt), noted_checkpoint(tmp_path, "checkpoint_final.pth"):
        raise KeyboardInterrupt
    assert validated_checkpoint(tmp_path) == "checkpoint_best.pth"
    probabilities = tmp_path / "validation" / "case.npz"
    probabilities.touch()  # of checkpoint_best
    with noted_checkpoint(tmp_path, "checkpoint_final.pth"):
        pass
    assert validated_checkpoint(tmp_path) == "checkpoint_best.pth"
    with noted_checkpoint(tmp_path, "checkpoint_final.pth", probabilities=True):
        assert validated_checkpoint(tmp_path) == "checkpoint_best.pth"
    assert validated_checkpoint(tmp_path) == "checkpoint_final.pth"


@pytest.mark.parametrize("entry", [{"metrics": {}}, 3, {"prediction_file": 3}])
def test_a_summary_that_names_no_prediction_is_damaged(fold, entry):
    with pytest.raises(ValueError, match="names no prediction. Validate again with --val"):
        listed_predictions(fold / "validation" / "summary.json", [entry])


@pytest.fixture
def evaluated(tmp_path):
    """The summary that nnU-Net writes of a prediction with a known answer."""
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


def test_every_case_has_its_metrics_by_label_with_nan_for_an_absent_one(evaluated):
    (case,) = evaluated_cases(evaluated)
    assert case["prediction_file"].endswith("predicted/case_7.nii.gz")
    assert case["metrics"]["1"]["Dice"] == pytest.approx(2 * 8 / (8 + 16))
    assert math.isnan(case["metrics"]["2"]["Dice"])


@pytest.mark.parametrize("content", ["", '{"metric_per_case": [{', "[]", "{}", '{"metric_per_case": [1]}'])
def test_a_damaged_summary_is_named_with_the_next_step(tmp_path, content):
    summary = tmp_path / "summary.json"
    summary.write_text(content)
    with pytest.raises(ValueError, match=r"summary.json is damaged: .*Evaluate again"):
        evaluated_cases(summary)


def test_a_compared_model_has_a_stale_fold_by_the_same_rule(fold):
    predictions = {case: fold / "validation" / f"{case}.nii.gz" for case in CASES}
    model = Model(NAME, predictions, fold.parent, dict.fromkeys(CASES, 0))
    assert model.stale_folds == []
    written(predictions["b"], TRAINED - 1)
    assert model.stale_folds == [0]


def test_a_2d_model_is_not_unseen_by_a_validation_of_earlier_weights(fold):
    model = TwoDModel(fold.parents[1], ModelName.parse(NAME), 0)
    checkpoint = Checkpoint(model.checkpoint, "nnUNetTrainer", 1, {}, "2d", {"file_ending": ".nii.gz"}, {})
    check_unseen(model, checkpoint, CASES)
    written(fold / "validation" / "b.nii.gz", TRAINED - 1)  # left of an earlier training, on another split
    check_unseen(model, checkpoint, ["a"])
    with pytest.raises(ValueError, match=r"1 of the current 2 validation cases are not among the 1 .*: b\. "):
        check_unseen(model, checkpoint, CASES)
    written(model.summary, TRAINED - 1)
    with pytest.raises(ValueError, match=r"summary.json is older than .*checkpoint_final.pth.* 2d 0 --val$"):
        check_unseen(model, checkpoint, ["a"])

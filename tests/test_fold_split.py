"""Which split a fold was trained on, by nnU-Net's logs; compare and `_From2D` refuse another one."""

import os

import pytest

from nnunet_slice_attention.comparison.find_models import trained_model
from nnunet_slice_attention.comparison.ground_truth import GroundTruth
from nnunet_slice_attention.fold_split import (
    WITHOUT_CHECKPOINTS,
    check_trained_split,
    note_split,
    read_fold_record,
    trained_split_sizes,
)
from nnunet_slice_attention.model_name import ModelName
from nnunet_slice_attention.trainers.checkpoint import Checkpoint
from nnunet_slice_attention.trainers.two_d_checks import check_unseen
from nnunet_slice_attention.trainers.two_d_model import TwoDModel

NAME = "nnUNetTrainer__nnUNetPlans__2d"


@pytest.fixture
def fold(tmp_path):
    folder = tmp_path / "Dataset901_X" / NAME / "fold_0"
    (folder / "validation").mkdir(parents=True)
    return folder


def log(fold, hour, *lines):
    """As nnU-Net writes it."""
    text = "".join(f"2026-11-30 {hour:02d}:16:20.1: {line} \n" for line in lines)
    (fold / f"training_log_2026_11_30_{hour:02d}_16_20.txt").write_text(text)


def split(training, validation):
    return f"This split has {training} training and {validation} validation cases."


def epochs(first):
    return [f"Epoch {first}", "train_loss -0.1", "Epoch time: 1.2 s", f"Epoch {first + 1}", "Training done."]


def test_a_training_tells_the_split_it_read_before_its_first_epoch(fold):
    log(fold, 10, split(4, 2), *epochs(0), split(3, 3))  # changed before the validation at its end
    assert trained_split_sizes(fold) == {(4, 2)}


def test_a_validation_tells_nothing(fold):
    log(fold, 9, split(4, 2), *epochs(0))
    log(fold, 10, split(2, 4))
    assert trained_split_sizes(fold) == {(4, 2)}


def test_a_training_that_was_continued_on_another_split_tells_both(fold):
    log(fold, 10, split(4, 2), *epochs(0))
    log(fold, 11, split(3, 3), *epochs(2))
    assert trained_split_sizes(fold) == {(4, 2), (3, 3)}
    with pytest.raises(ValueError, match="m was trained on 3 training and 3 validation cases, by the log"):
        check_trained_split("m", fold, "abcd", "ef")


def test_a_training_from_the_start_replaces_earlier_ones_in_the_folder(fold):
    log(fold, 9, split(4, 2), *epochs(0))
    log(fold, 10, split(3, 3), *epochs(0))
    assert trained_split_sizes(fold) == {(3, 3)}


def test_the_record_of_a_training_that_nnunets_own_trainer_has_replaced_is_not_used(fold):
    note_split(fold, ["c", "d"], ["a", "b"])  # by crossval, before splits_final.json was changed
    os.utime(fold / "split.json", (0, 0))
    log(fold, 9, split(2, 2), *epochs(0))
    with pytest.raises(
        ValueError, match="another split .*: 2 of its training cases are validation cases now"
    ):
        check_trained_split("m", fold, ["a", "b"], ["c", "d"])
    log(fold, 10, split(2, 2), *epochs(0))
    check_trained_split("m", fold, ["a", "b"], ["c", "d"])


def test_a_training_that_is_continued_or_validated_keeps_its_record(fold):
    note_split(fold, ["c", "d"], ["a", "b"])
    os.utime(fold / "split.json", (0, 0))
    for hour, lines in ((9, epochs(0)), (10, epochs(2)), (11, ())):
        log(fold, hour, split(2, 2), *lines)
    assert read_fold_record(fold)["train"] == ["c", "d"]


def test_a_trial_without_checkpoints_replaces_neither_the_record_nor_the_sizes(fold):
    note_split(fold, ["c", "d"], ["a", "b"])
    os.utime(fold / "split.json", (0, 0))
    log(fold, 9, split(2, 2), *epochs(0))
    log(fold, 10, split(3, 1), "Epoch 0", "train_loss -0.1", WITHOUT_CHECKPOINTS, "Epoch 1")
    assert read_fold_record(fold)["train"] == ["c", "d"]
    assert trained_split_sizes(fold) == {(2, 2)}


def test_a_training_that_begins_again_on_the_noted_split_is_that_of_the_record(fold):
    note_split(fold, ["c", "d"], ["a", "b"])
    os.utime(fold / "split.json", (0, 0))
    log(fold, 9, split(2, 2), *epochs(0))  # interrupted before its first checkpoint
    note_split(fold, ["c", "d"], ["a", "b"])
    log(fold, 10, split(2, 2), *epochs(0))
    assert read_fold_record(fold)["train"] == ["c", "d"]


@pytest.mark.parametrize("lines", [None, (), ("Epoch 0",), ("This split is secret.", "Epoch 0")])
def test_no_log_and_one_without_the_line_tell_nothing(fold, lines):
    if lines is not None:
        log(fold, 10, *lines)
    assert trained_split_sizes(fold) == set()
    check_trained_split("m", fold, "a", "b")


@pytest.mark.parametrize("validated", [("a",), ("a", "b"), ()])
def test_compare_refuses_a_model_that_learned_from_what_is_validation_now(fold, validated):
    """Before or after --val on the new split, which would make the cases look right."""
    truth = GroundTruth(fold, {"file_ending": ".nii.gz"}, splits=[{"train": ["c"], "val": ["a", "b"]}])
    for case in validated:
        (fold / "validation" / f"{case}.nii.gz").touch()
    log(fold, 10, split(2, 1), *epochs(0))
    with pytest.raises(
        ValueError, match=r"fold 0 was trained on 2 .* has 1 and 2: .*data leakage.*train it again"
    ):
        trained_model("Dataset901_X", NAME, [0], truth, fold.parents[2])


@pytest.mark.parametrize("validated", [("a",), ()])
def test_where_no_log_tells_the_next_step_depends_on_whether_the_split_was_changed(fold, validated):
    truth = GroundTruth(fold, {"file_ending": ".nii.gz"}, splits=[{"train": ["c"], "val": ["a", "b"]}])
    for case in validated:
        (fold / "validation" / f"{case}.nii.gz").touch()
    expected = r"If splits_final.json was changed since .*: train it again\. Otherwise run: .*nnUNetv2_train .* --val"
    with pytest.raises((ValueError, FileNotFoundError), match=expected):
        trained_model("Dataset901_X", NAME, [0], truth, fold.parents[2])


def test_a_2d_model_without_a_summary_is_not_simply_validated(fold):
    model = TwoDModel(fold.parents[1], ModelName.parse(NAME), 0)
    checkpoint = Checkpoint(model.checkpoint, "nnUNetTrainer", 1, {}, "2d", {"file_ending": ".nii.gz"}, {})
    expected = r"If splits_final.json was changed since .*: train it again\. Otherwise run: .* --val$"
    with pytest.raises(FileNotFoundError, match=expected):
        check_unseen(model, checkpoint, ["a"])

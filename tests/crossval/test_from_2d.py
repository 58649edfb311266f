"""What `_From2D` needs is checked before the first training, and that a begun fold has begun from the same 2D model."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args

from nnunet_slice_attention.crossval.from_2d_record_check import check_2d_records
from nnunet_slice_attention.crossval.from_2d_start import find_starts
from nnunet_slice_attention.crossval.train_compare_predict import cross_validate
from nnunet_slice_attention.crossval.trainer_checks import check_trainers
from nnunet_slice_attention.crossval.trainer_checks_process import CheckRequest
from nnunet_slice_attention.files import sha256
from tests.crossval.tiny_crossval import STOCK, tiny_crossval
from tests.trainers.two_d_models import edit

FROM_2D = STOCK._replace(trainer="Tiny_nnUNetTrainerVAUNet_From2D")
OTHER_2D = STOCK._replace(trainer="Long_nnUNetTrainer")
SLAB = STOCK._replace(trainer="Tiny_nnUNetTrainerTSFMUNet")
SPLIT = [{"train": ["case_1"], "val": ["case_0"]}]


@pytest.fixture
def results(results, preprocessed, tmp_path, monkeypatch):
    """That of `conftest.py`; the split has one fold."""
    (preprocessed / "splits_final.json").write_text(json.dumps(SPLIT))
    monkeypatch.setenv("nnUNet_results", str(tmp_path / "scratch"))
    return results


@pytest.fixture
def check(results, tiny, tmp_path):
    """The checks of `_From2D` beside other models."""

    def run(*others, **changes) -> None:
        models = [FROM_2D, *others]
        starts = find_starts(tiny_crossval(tiny, tmp_path, models=models, **changes).training_jobs())
        call = (str(tiny.id), list(map(str, models)), ["0"])
        check_trainers(
            CheckRequest(*call, starting=[str(FROM_2D)], from_2d=starts), tmp_path / "splits_final.json"
        )

    return run


@pytest.fixture
def finished(results, preprocessed, tiny) -> Path:
    """The folder of a 2D model that is trained and validated."""
    names = (str(tiny.id), STOCK.configuration, 0, STOCK.trainer, STOCK.plans)
    trainer = get_trainer_from_args(*names, device=torch.device("cpu"))
    trainer.initialize()
    folder = results / tiny.folder / str(STOCK)
    (folder / "fold_0" / "validation").mkdir(parents=True)
    trainer.save_checkpoint(str(folder / "fold_0" / "checkpoint_final.pth"))
    shutil.copy(preprocessed / "nnUNetPlans.json", folder / "plans.json")
    summary = {"metric_per_case": [{"reference_file": "case_0.nii.gz", "metrics": {}}]}
    (folder / "fold_0" / "validation" / "summary.json").write_text(json.dumps(summary))
    return folder


def test_without_a_2d_model_the_message_names_the_training_and_two_ways_out(check):
    with pytest.raises(
        FileNotFoundError,
        match=rf"^{FROM_2D}, fold 0: .* has no trained 2D .* nnUNetv2_train 701 2d .*results; or give that model in -m",
    ):
        check(SLAB)


def test_a_model_that_the_call_trains_before_is_enough(check):
    check(STOCK, SLAB, repeats=2)


def test_a_2d_model_that_was_trained_on_a_split_of_other_sizes_is_refused(check, finished):
    log = finished / "fold_0" / "training_log_2026_1_1_10_00_00.txt"
    log.write_text("now: This split has 1 training and 1 validation cases. \nnow: Epoch 0 \n")
    check()
    # case_0 was a training case then; the summary is of a validation after the change.
    log.write_text("now: This split has 2 training and 1 validation cases. \nnow: Epoch 0 \n")
    with pytest.raises(
        ValueError, match=r"the 2D model .* was trained on 2 training and 1 .* has 1 and 1: .*leakage"
    ):
        check()


def test_each_repeat_needs_its_own(check, finished):
    check()
    with pytest.raises(FileNotFoundError, match="fold 0, repeat 1: .*nnUNet_results=.*repeat_1"):
        check(repeats=2)


def test_of_two_one_must_be_chosen_trained_or_not(check, finished, monkeypatch):
    both = r"has 2 trained 2D models: Long_nnUNetTrainer \(still to be trained\), Tiny_nnUNetTrainer \(epochs: 1\)"
    with pytest.raises(
        ValueError, match=f"^{FROM_2D}, fold 0: .*{both}. .*: export nnUNet_from2D=Tiny_nnUNetTrainer"
    ):
        check(OTHER_2D)
    for trainer in (STOCK.trainer, OTHER_2D.trainer):
        monkeypatch.setenv("nnUNet_from2D", trainer)
        check(OTHER_2D)


def test_one_that_may_have_been_trained_on_validation_cases_is_refused(check, finished):
    (finished / "fold_0" / "validation" / "summary.json").write_text('{"metric_per_case": []}')
    with pytest.raises(ValueError, match=f"^{FROM_2D}, fold 0: 1 of the current 1 .*: case_0. It may"):
        check()


def test_one_with_other_weights_is_refused(check, finished):
    checkpoint = finished / "fold_0" / "checkpoint_final.pth"
    edit(checkpoint, lambda content: content["network_weights"].popitem())
    with pytest.raises(ValueError, match=f"^{FROM_2D}, fold 0: .* cannot be used as initialisation"):
        check()


@pytest.fixture
def begun(finished):
    """A training that has begun from the finished 2D model; returns that model's checkpoint."""
    fold, checkpoint = finished.parent / str(FROM_2D) / "fold_0", finished / "fold_0" / "checkpoint_final.pth"
    fold.mkdir(parents=True)
    torch.save({}, fold / "checkpoint_latest.pth")
    record = {"trainer": STOCK.trainer, "sha256": sha256(checkpoint)}
    (fold / "from_2d.json").write_text(json.dumps(record))
    return checkpoint


def test_the_same_2d_model_or_an_archived_one_is_accepted(begun, tiny, tmp_path, monkeypatch):
    jobs = tiny_crossval(tiny, tmp_path, models=[FROM_2D]).training_jobs()
    check_2d_records(jobs)
    monkeypatch.setenv("nnUNet_from2D", STOCK.trainer)
    check_2d_records(jobs)
    begun.unlink()
    check_2d_records(jobs)


def test_a_2d_model_that_is_or_would_be_trained_again_is_refused(
    begun, tiny, tmp_path, without_trainer_checks
):
    begun.write_bytes(begun.read_bytes() + b" ")
    with pytest.raises(
        ValueError, match=rf"^{FROM_2D}, fold 0 began from a 2D model with .* was trained again: "
    ):
        cross_validate(tiny_crossval(tiny, tmp_path, models=[FROM_2D]), lambda jobs: pytest.fail("launched"))
    begun.unlink()
    with pytest.raises(
        ValueError, match=rf"this call would train again, because {begun} .*leave {STOCK} out of -m"
    ):
        check_2d_records(tiny_crossval(tiny, tmp_path, models=[FROM_2D, STOCK]).training_jobs())


def test_another_choice_is_refused_if_other_folds_start_from_it(begun, tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("nnUNet_from2D", OTHER_2D.trainer)
    check_2d_records(tiny_crossval(tiny, tmp_path, models=[FROM_2D]).training_jobs())
    with pytest.raises(
        ValueError, match=f"began from the 2D model of {STOCK.trainer}, but nnUNet_from2D=Long"
    ):
        check_2d_records(tiny_crossval(tiny, tmp_path, models=[FROM_2D], folds=["0", "1"]).training_jobs())

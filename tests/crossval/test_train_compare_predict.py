"""The order of the jobs, and which comparisons follow them."""

import os
import shutil

import pytest

from nnunet_slice_attention.crossval.train_compare_predict import cross_validate, describe
from tests.crossval.tiny_crossval import OURS, STOCK, TWO_CASES, tiny_crossval


def test_all_models_of_a_fold_come_before_the_next_fold(tiny, tmp_path):
    described = describe(tiny_crossval(tiny, tmp_path, models=[OURS, STOCK], folds=["3", "4"], repeats=2))
    assert described.splitlines() == [
        f"{model}, fold {fold}{repeat}: start"
        for repeat in ("", ", repeat 1")
        for fold in ("3", "4")
        for model in (OURS, STOCK)
    ]


def test_a_model_that_starts_from_another_of_the_call_is_trained_after_it(
    tiny, tmp_path, results, preprocessed, without_trainer_checks
):
    (preprocessed / "splits_final.json").write_text(TWO_CASES)
    fine_tuned = STOCK._replace(trainer="Tiny_nnUNetTrainerVAUNet_From2D")
    launched = []

    def launch(jobs):
        launched.append([job.name for job in jobs])
        return ["not finished"] if len(launched) == 2 else []

    crossval = tiny_crossval(
        tiny, tmp_path, models=[fine_tuned, STOCK, STOCK._replace(trainer="Tiny_nnUNetTrainerTSFMUNet")]
    )
    assert cross_validate(crossval, launch) == ["not finished"]
    assert launched == [
        [f"{STOCK}, fold 0", "Tiny_nnUNetTrainerTSFMUNet__nnUNetPlans__2d, fold 0"],
        ["Tiny_nnUNetTrainerVAUNet_From2D__nnUNetPlans__2d, fold 0"],
    ]


def test_predictions_that_cannot_be_started_do_not_hide_what_failed_before(
    train, tiny, nnunet_folders, tmp_path, without_trainer_checks
):
    train(tiny, OURS.trainer)
    output = tmp_path / "out"
    (output / "comparison").mkdir(parents=True)
    (output / "comparison" / "report.md").write_text("the user's own")
    images = nnunet_folders / "raw" / tiny.folder / "imagesTs"

    def launch(jobs):
        raise RuntimeError("sbatch: error: invalid account")

    failures = cross_validate(tiny_crossval(tiny, output, images=images, ensembles=False), launch)
    assert len(failures) == 2 and failures[0].startswith("comparison: ")
    assert failures[1] == "predictions: sbatch: error: invalid account"


def test_a_comparison_that_fails_does_not_stop_the_predictions(
    train, tiny, nnunet_folders, tmp_path, without_trainer_checks
):
    train(tiny, OURS.trainer)
    output, launched = tmp_path / "out", []
    (output / "comparison").mkdir(parents=True)
    (output / "comparison" / "report.md").write_text("the user's own")
    images = nnunet_folders / "raw" / tiny.folder / "imagesTs"

    def launch(jobs):
        launched.extend(job.name for job in jobs)
        return ["prediction: not finished"]

    failures = cross_validate(tiny_crossval(tiny, output, images=images, ensembles=False), launch)
    assert launched == [f"{OURS}, prediction"]
    assert len(failures) == 2 and failures[1] == "prediction: not finished"
    assert failures[0].startswith(f"comparison: {output}/comparison/report.md would be overwritten.")
    assert failures[0].endswith("Then run crossval again, which repeats only what failed.")


def test_repeats_are_compared_one_by_one_and_together(
    train, tiny, nnunet_folders, tmp_path, results, without_trainer_checks
):
    for model in (OURS, STOCK):
        train(tiny, model.trainer)
    first = shutil.copytree(nnunet_folders / "results" / tiny.folder, results / tiny.folder)
    again = shutil.copytree(first, results / "repeat_1" / tiny.folder)
    for path in again.rglob("checkpoint_final.pth"):  # as if another run had written it
        written = path.stat()
        path.write_bytes(path.read_bytes() + b" ")
        os.utime(path, ns=(written.st_atime_ns, written.st_mtime_ns))
    crossval = tiny_crossval(tiny, tmp_path / "out", models=[OURS, STOCK], repeats=2, ensembles=False)
    assert cross_validate(crossval, lambda jobs: pytest.fail(f"{jobs} are done")) == []
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"comparison", "comparison_repeat_1", "comparison_all_repeats"}
    report = (tmp_path / "out" / "comparison_all_repeats" / "report.md").read_text()
    assert "- runs: 2: results; repeat_1\n" in report
    assert "## Each run" in report
    assert "- runs: 1\n" in (tmp_path / "out" / "comparison_repeat_1" / "report.md").read_text()

"""The command `crossval` from training to prediction, through nnU-Net's own training; then the same call again."""

import io
import shutil
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

import pytest

from nnunet_slice_attention.cli import main
from nnunet_slice_attention.crossval.model_job import Settings
from nnunet_slice_attention.crossval.prediction_job import PredictionJob
from nnunet_slice_attention.inference.cases import NNUNET_RECORD
from nnunet_slice_attention.inference.prediction_record import with_cases, write_record
from tests.crossval.replaced_trainer_checks import check_trainers_here, skip_trainer_checks
from tests.crossval.tiny_crossval import OURS, STOCK

FOLD = "2"


@pytest.fixture(scope="module")
def crossval(nnunet_folders, tiny, tmp_path_factory):
    """The command, run once for a fold that no other test trains; call it to run it again, for its standard output."""
    out = tmp_path_factory.mktemp("crossval") / "out"
    argv = ["crossval", "-d", str(tiny.id), "-m", str(OURS), str(STOCK), "-f", FOLD, "-o", str(out)]

    def run(*flags) -> str:
        with redirect_stdout(io.StringIO()) as printed:
            assert main([*argv, "-device", "cpu", "-np", "1", *flags]) == 0
        return printed.getvalue()

    run.out, run.models = out, nnunet_folders / "results" / tiny.folder
    run.images = str(nnunet_folders / "raw" / tiny.folder / "imagesTs")
    with pytest.MonkeyPatch.context() as patch:
        check_trainers_here(patch)
        run("--npz", "-i", run.images, "--jobs", "2")
        skip_trainer_checks(patch)
        yield run


def training_logs(crossval):
    """nnU-Net writes one each time a run is started."""
    return sorted(crossval.models.glob(f"*/fold_{FOLD}/training_log_*.txt"))


def left_to_do(crossval, *flags) -> list[str]:
    """The last word on each job of a dry run: OURS, STOCK, and with images their predictions."""
    return [line.rsplit(" ", 1)[1] for line in crossval("--dry-run", "--npz", *flags).splitlines()]


def test_everything_is_trained_compared_and_predicted(crossval):
    for model in (OURS, STOCK):
        fold = crossval.models / str(model) / f"fold_{FOLD}"
        assert (fold / "validation" / "summary.json").is_file()
        assert {"crossval.lock", "crossval.log"} <= {path.name for path in fold.iterdir()}
        predicted = {path.name for path in (crossval.out / "predictions" / str(model)).glob("*.nii.gz")}
        assert predicted == {path.name.replace("_0000", "") for path in Path(crossval.images).iterdir()}
    report = (crossval.out / "comparison" / "report.md").read_text()
    assert f"folds: {FOLD}" in report
    assert "Tiny_nnUNetTrainerSAUNet + Tiny_nnUNetTrainer" in report  # probabilities were saved


def test_the_same_call_again_does_nothing_and_a_dry_run_says_so(crossval):
    before = training_logs(crossval)
    assert len(before) == 2
    predicted = {path: path.stat().st_mtime_ns for path in crossval.out.glob("predictions/*/*.nii.gz")}
    crossval("--npz", "-i", crossval.images)
    assert training_logs(crossval) == before
    assert all(path.stat().st_mtime_ns == when for path, when in predicted.items())
    assert left_to_do(crossval, "-i", crossval.images) == 4 * ["done"]


def test_lost_or_damaged_results_are_made_again_and_nothing_else(crossval, tmp_path):
    damaged = crossval.models / str(STOCK) / f"fold_{FOLD}"
    for name in ("validation/summary.json", "debug.json"):  # by a kill, or a full disk
        complete = (damaged / name).read_bytes()
        (damaged / name).write_bytes(complete[: len(complete) // 2])
    for cache in (crossval.out / "comparison" / "evaluated").iterdir():
        cache.write_bytes(b"")
    before = training_logs(crossval)
    validation = crossval.models / str(OURS) / f"fold_{FOLD}" / "validation"
    aside = validation.rename(tmp_path / "aside")
    assert left_to_do(crossval) == ["validate", "validate"]
    aside.rename(validation)
    assert left_to_do(crossval) == ["done", "validate"]
    crossval("--npz")
    assert left_to_do(crossval) == ["done", "done"]
    (again,) = (path for path in training_logs(crossval) if path not in before)
    assert again.parents[1].name == str(STOCK)
    assert "Epoch 0" not in again.read_text()  # only validated


def test_predictions_of_other_weights_or_images_are_made_again(crossval, tiny, tmp_path):
    output = crossval.out / "predictions" / str(OURS)
    job = PredictionJob(
        dataset=str(tiny.id),
        model=OURS,
        folds=[FOLD],
        settings=Settings("cpu", npz=True),
        images=Path(crossval.images),
        output=output,
    )
    assert job.finished()
    assert not replace(job, folds=[FOLD, "4"]).finished()
    assert replace(job, settings=Settings("cpu")).finished()
    images = Path(shutil.copytree(crossval.images, tmp_path / "images"))
    others = replace(job, images=images)
    assert not others.finished()
    with pytest.raises(
        ValueError, match=rf"has predictions of {crossval.images}, which those of {images} would"
    ):
        others.prepare()
    assert job.finished()
    predicted = list(output.glob("*.nii.gz"))
    next(Path(crossval.images).iterdir()).touch()
    assert not job.finished()
    job.prepare()
    assert job.finished() and list(output.glob("*.nii.gz")) == predicted  # the content has not changed
    sources = (output / "made_from.json").read_text()
    (crossval.models / str(OURS) / f"fold_{FOLD}" / "checkpoint_final.pth").touch()
    job.prepare()
    assert (output / "made_from.json").read_text() != sources
    assert not list(output.glob("*.nii.gz"))


def test_predictions_of_images_that_were_removed_go_and_other_files_stay(nnunet_folders, tiny, tmp_path):
    images, output = tmp_path / "images", tmp_path / "out"
    for folder in (images, output):
        folder.mkdir()
    for case in ("kept", "removed"):
        (tmp_path / f"elsewhere_{case}.nii.gz").touch()
        (images / f"{case}_0000.nii.gz").symlink_to(tmp_path / f"elsewhere_{case}.nii.gz")
    settings = Settings("cpu")
    job = PredictionJob(
        dataset=str(tiny.id), model=OURS, folds=[FOLD], settings=settings, images=images, output=output
    )
    job.prepare()
    (output / NNUNET_RECORD).write_text("{}")  # the files beside it are predictions
    write_record(output, with_cases({}, {}, {"kept.nii.gz": "", "removed.nii.gz": ""}))
    for case in ("kept", "removed", "of_the_user"):
        (output / f"{case}.nii.gz").touch()
    job.prepare()
    assert len(list(output.glob("*.nii.gz"))) == 3
    (images / "removed_0000.nii.gz").unlink()
    without = replace(job)  # another call
    without.prepare()
    assert sorted(path.name for path in output.glob("*.nii.gz")) == ["kept.nii.gz", "of_the_user.nii.gz"]
    assert without.is_current()

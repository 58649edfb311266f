"""Finished predictions stay unless their own images, or the weights, have changed."""

import json
from dataclasses import replace

import pytest

from nnunet_slice_attention.crossval.model_job import Settings
from nnunet_slice_attention.crossval.prediction_job import PredictionJob
from nnunet_slice_attention.files import file_signature
from nnunet_slice_attention.inference.cases import NNUNET_RECORD
from nnunet_slice_attention.inference.prediction_record import images_sha256, with_cases, write_record
from nnunet_slice_attention.model_name import FINAL
from tests.crossval.tiny_crossval import OURS

CASES = ("a", "b", "c")


@pytest.fixture
def job(preprocessed, results, tiny, tmp_path, monkeypatch):
    """Predictions of three images, as `crossval` and `predict` leave them."""
    monkeypatch.setattr(
        "nnunet_slice_attention.crossval.prediction_job.nnUNet_preprocessed", str(preprocessed.parent)
    )
    images, output = tmp_path / "images", tmp_path / "out"
    images.mkdir()
    output.mkdir()
    for case in CASES:
        (images / f"{case}_0000.nii.gz").write_text(f"image {case}")
    made = PredictionJob(
        dataset=str(tiny.id),
        model=OURS,
        folds=["0", "1"],
        settings=Settings("cpu"),
        images=images,
        output=output,
    )
    for fold in made.folds:
        made.fold_folder(fold).mkdir(parents=True)
        (made.fold_folder(fold) / FINAL).write_text("weights")
    made.prepare()
    (output / NNUNET_RECORD).write_text("{}")
    for case in made.cases:
        case.output.write_text("prediction")
    note_images(made)
    return replace(made)


def note_images(job):
    noted = {case.output.name: images_sha256(case) for case in job.cases}
    write_record(job.output, with_cases({}, {}, noted))


def left(job) -> str:
    """Cases with a prediction after the next call has begun."""
    job = replace(job)  # another call reads the folder again
    job.prepare()
    assert job.is_current()
    return "".join(sorted(path.name[0] for path in job.output.glob("*.nii.gz")))


def image(job, case):
    return job.images / f"{case}_0000.nii.gz"


def test_an_added_image_leaves_the_finished_predictions(job):
    image(job, "d").write_text("image d")
    assert not replace(job).is_current()
    assert left(job) == "abc"


def test_a_touched_image_leaves_all_predictions(job):
    image(job, "b").touch()
    assert not replace(job).is_current()
    assert left(job) == "abc"


def test_a_changed_image_takes_its_own_prediction(job):
    image(job, "b").write_text("another image")
    assert left(job) == "ac"


def test_a_removed_image_takes_its_own_prediction(job):
    image(job, "b").unlink()
    assert left(job) == "ac"


def test_a_changed_image_without_a_recorded_checksum_takes_its_own_prediction(job):
    (job.output / NNUNET_RECORD).write_text("{}")  # as `nnUNetv2_predict` leaves it
    image(job, "b").write_text("another image")
    assert left(job) == "ac"


def test_another_checkpoint_takes_all_predictions(job):
    (job.fold_folder("1") / FINAL).write_text("other weights")
    assert left(job) == ""


def test_other_folds_take_all_predictions(job):
    assert left(replace(job, folds=["0"])) == ""


@pytest.mark.parametrize(("change", "kept"), [(None, "abc"), ("a", "bc"), (FINAL, "")])
def test_sources_noted_by_an_earlier_version_are_understood(change, kept, job):
    checkpoints = [job.fold_folder(fold) / FINAL for fold in job.folds]
    files = [file_signature(path) for path in (*checkpoints, *(image(job, case) for case in CASES))]
    sources = {"images": str(job.images.resolve()), "files": files}
    (job.output / "made_from.json").write_text(json.dumps(sources))
    if change:
        (checkpoints[0] if change == FINAL else image(job, change)).write_text("something else")
    assert replace(job).is_current() == (change is None)
    assert left(job) == kept


@pytest.mark.parametrize("content", ["", "[]", '{"files": []}', '{"cases": 3, "checkpoints": 3}'])
def test_a_damaged_file_of_sources_takes_all_predictions(content, job):
    (job.output / "made_from.json").write_text(content)
    assert left(job) == ""

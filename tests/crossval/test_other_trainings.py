"""A fold that `nnUNetv2_train` may be training is refused; an interrupted job of `crossval` is continued."""

import os
import subprocess
import sys
import time

import pytest

from nnunet_slice_attention.crossval.crossval import cross_validate
from nnunet_slice_attention.crossval.model_job import Settings
from nnunet_slice_attention.crossval.other_trainings import RECENT_S, check_no_other_training
from nnunet_slice_attention.crossval.training import TrainingJob
from nnunet_slice_attention.jobs.lock import exclusive
from nnunet_slice_attention.model_name import LATEST
from tests.crossval.test_checks import TWO_CASES, refuse_to_launch
from tests.crossval.tiny_crossval import OURS, tiny_crossval


@pytest.fixture
def job(tmp_path, monkeypatch):
    """A fold that something has begun to train."""
    monkeypatch.setattr("nnunet_slice_attention.crossval.model_job.nnUNet_results", str(tmp_path))
    job = TrainingJob(dataset="Dataset701_Tiny", model=OURS, fold="0", settings=Settings(device="cpu"))
    job.folder.mkdir(parents=True)
    (job.folder / LATEST).write_bytes(b"")
    return job


def written(path, seconds_ago, text="Epoch 3\n"):
    path.write_text(text)
    when = time.time() - seconds_ago
    os.utime(path, (when, when))


def log(job, number=0):
    return job.folder / f"training_log_2026_1_1_0_0_{number}.txt"


def test_a_log_that_crossval_did_not_write_is_another_training(job):
    check_no_other_training([job])  # without a log
    written(log(job), 90)
    with pytest.raises(
        ValueError,
        match=r"fold 0 may be training now: .*training_log_.*End that training, or .* in 9 minutes",
    ):
        check_no_other_training([job])
    written(job.log, 3600)  # of an earlier job
    with pytest.raises(ValueError, match="may be training now"):
        check_no_other_training([job])
    written(log(job), RECENT_S + 1)
    check_no_other_training([job])


def test_an_interrupted_job_of_crossval_is_continued_at_once(job):
    for age in (1, 90):
        written(log(job), age)
        written(job.log, age + 2)
        check_no_other_training([job])
    written(log(job, 1), 5)  # and later somebody has started another one
    with pytest.raises(ValueError, match="may be training now"):
        check_no_other_training([job])


def test_a_job_of_another_call_is_left_to_its_lock(job):
    written(log(job), 1)
    with exclusive(job.lock):
        check_no_other_training([job])
    with exclusive(job.lock.with_name(f"{job.lock.name}.command")):
        check_no_other_training([job])
    with pytest.raises(ValueError, match="may be training now"):
        check_no_other_training([job])


def test_a_training_that_was_just_validated_has_ended(job):
    written(
        log(job), 1, text="Epoch 3\n" + "x" * 1000 + "\nValidation complete\nMean Validation Dice:  0.8\n"
    )
    check_no_other_training([job])


def test_no_lock_is_created_in_folders_of_others(job):
    written(log(job), RECENT_S + 1)
    before = sorted(job.folder.iterdir())
    check_no_other_training([job])
    assert sorted(job.folder.iterdir()) == before


def test_a_killed_job_leaves_all_its_lines_in_its_log(job):
    code = "import time; print('Epoch 3'); time.sleep(60)"
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with job.log.open("ab") as out:
        process = subprocess.Popen([sys.executable, "-c", code], stdout=out, env=env | job.environment())
    try:
        deadline = time.monotonic() + 20
        while not job.log.stat().st_size and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    assert job.log.read_text() == "Epoch 3\n"


def test_crossval_refuses_before_anything_else(preprocessed, without_preflight, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("nnunet_slice_attention.crossval.model_job.nnUNet_results", str(tmp_path / "results"))
    (preprocessed / "splits_final.json").write_text(TWO_CASES)
    crossval = tiny_crossval(tiny, tmp_path / "out")
    (training,) = crossval.training_jobs()
    training.folder.mkdir(parents=True)
    written(log(training), 1)
    with pytest.raises(ValueError, match="may be training now"):
        cross_validate(crossval, refuse_to_launch)

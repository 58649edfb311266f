"""A fold that `nnUNetv2_train` is training is refused; an interrupted job of `crossval` is continued."""

import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
from filelock import FileLock

from nnunet_slice_attention.crossval.concurrent_training_check import RECENT_S, check_no_other_training
from nnunet_slice_attention.crossval.model_job import Settings
from nnunet_slice_attention.crossval.train_compare_predict import cross_validate
from nnunet_slice_attention.crossval.training_job import TrainingJob
from nnunet_slice_attention.jobs.lock import exclusive
from nnunet_slice_attention.model_name import LATEST
from tests.crossval.tiny_crossval import OURS, TWO_CASES, refuse_to_launch, tiny_crossval


@pytest.fixture
def job(results):
    """A fold that something has begun to train; no data set is needed."""
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


@pytest.fixture
def noted(job, capsys):
    """What a check of the fold notes."""

    def run() -> str:
        check_no_other_training([job])
        return capsys.readouterr().err

    return run


@contextmanager
def process(results, *words):
    """A process whose command line is that of nnUNetv2_train."""
    command = [
        sys.executable,
        "-c",
        "import time; print(flush=True); time.sleep(60)",
        "/bin/nnUNetv2_train",
        *words,
    ]
    env = os.environ | {"nnUNet_results": str(results)}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE) as training:
        try:
            training.stdout.readline()  # it has started
            yield training.pid
        finally:
            training.kill()


@pytest.mark.parametrize(
    "words",
    [
        ["701", "2d", "0", "-tr", OURS.trainer],
        ["Dataset701_Tiny", "-num_gpus", "1", "--npz", "2d", "-tr", OURS.trainer, "0"],
        ["-num", "1", "-device=cpu", "701", "2d", "0", "-tr", OURS.trainer],  # as argparse accepts it
    ],
    ids=["id", "name", "abbreviated"],
)
def test_a_fold_that_a_process_of_nnunet_trains_is_refused(job, noted, words, results):
    with process(results, *words) as number:
        with pytest.raises(ValueError, match=f"fold 0 is being trained by process {number}, not by crossval"):
            noted()
        (job.folder.parent / "fold_1").mkdir()
        assert not check_no_other_training([replace(job, fold="1")])
    noted()


@pytest.mark.parametrize(
    "words",
    [
        ["701", "2d", "0"],
        ["701", "2d", "0", "-tr", OURS.trainer, "-p", "nnUNetCompactPlans"],
        ["701", "3d_fullres", "0", "-tr", OURS.trainer],
        ["27", "2d", "0", "-tr", OURS.trainer],
    ],
    ids=["trainer", "plans", "configuration", "dataset"],
)
def test_a_process_that_trains_something_else_is_not(noted, words, results):
    with process(results, *words):
        assert noted() == ""


def test_a_fold_whose_number_is_a_data_sets_is_not_that_data_set(job, results):
    """Fold 1 of data set 2 has all words of fold 1 of data set 1."""
    first = replace(job, dataset="Dataset001_Tiny", fold="1")
    first.folder.mkdir(parents=True)
    with process(results, "2", "2d", "1", "-tr", OURS.trainer):
        check_no_other_training([first])


def test_a_process_with_other_results_is_not(noted, results):
    with process(results / "other", "701", "2d", "0", "-tr", OURS.trainer):
        assert noted() == ""


def test_a_log_that_crossval_did_not_write_may_be_of_another_training(job, noted):
    assert noted() == ""  # without a log
    written(log(job), 90)
    assert re.search(r"was written 9\d seconds ago, and not by crossval\. If ", noted())
    written(job.log, 3600)  # of an earlier job
    assert "not by crossval" in noted()
    written(log(job), RECENT_S + 1)
    assert noted() == ""


def test_an_interrupted_job_of_crossval_is_continued_without_a_word(job, noted):
    for age in (1, 90):
        written(log(job), age)
        written(job.log, age + 2)
        assert noted() == ""
    written(log(job, 1), 5)  # and later somebody has started another one
    assert "not by crossval" in noted()


def test_a_job_of_another_call_is_left_to_its_lock(job, noted):
    written(log(job), 1)
    with exclusive(job.lock):
        assert noted() == ""
    with exclusive(job.lock.with_name(f"{job.lock.name}.command")):
        assert noted() == ""
    assert "not by crossval" in noted()


def test_a_lock_of_another_user_is_named_with_what_can_be_done(job, monkeypatch):
    def denied(self):
        raise PermissionError(13, "Permission denied", self.lock_file)

    job.lock.parent.mkdir(parents=True, exist_ok=True)
    job.lock.touch()
    monkeypatch.setattr(FileLock, "acquire", denied)  # root, as which the tests may run, is never denied
    with pytest.raises(ValueError, match=rf"{job.lock} is of another user, .* Leave it out with -m or -f"):
        check_no_other_training([job])


def test_a_training_that_was_just_validated_has_ended(job, noted):
    ended = "Epoch 3\n" + "x" * 1000 + "\nValidation complete\nMean Validation Dice:  0.8\n"
    written(log(job), 1, text=ended)
    assert noted() == ""


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


def test_crossval_refuses_before_anything_else(preprocessed, without_trainer_checks, results, tiny, tmp_path):
    (preprocessed / "splits_final.json").write_text(TWO_CASES)
    crossval = tiny_crossval(tiny, tmp_path / "out")
    (training,) = crossval.training_jobs()
    training.folder.mkdir(parents=True)
    model = training.model
    words = [str(tiny.id), model.configuration, "0", "-tr", model.trainer, "-p", model.plans]
    with process(results, *words), pytest.raises(ValueError, match="is being trained by process"):
        cross_validate(crossval, refuse_to_launch)

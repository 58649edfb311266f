"""Jobs on this machine, with shell commands as jobs."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from nnunet_slice_attention.jobs.local import places, run_job, run_locally
from nnunet_slice_attention.jobs.lock import Busy, locked
from tests.jobs.shell_job import ShellJob

CPU = [[]]


def test_a_failing_job_is_reported_with_its_last_lines_and_the_others_are_done(tmp_path):
    jobs = [
        ShellJob("a", tmp_path / "a"),
        ShellJob("b", tmp_path / "b", "echo first; echo the reason >&2; exit 3"),
        ShellJob("c", tmp_path / "c"),
        ShellJob("d", tmp_path / "d", "true"),  # ends well, but its result is not there
    ]
    failed = run_locally(jobs, CPU)
    assert [job.finished() for job in jobs] == [True, False, True, False]
    assert len(failed) == 2
    assert failed[0].startswith("b ended with status 3; the end of ")
    assert failed[0].endswith("first\n    the reason")
    assert failed[1].startswith("d ended with status 0")


def test_what_is_finished_is_not_run_again(tmp_path):
    job = ShellJob("a", tmp_path, "touch done; echo ran")
    assert run_locally([job], CPU) == run_locally([job], CPU) == []
    assert (tmp_path / "crossval.log").read_text() == "ran\n"


def test_what_a_killed_process_leaves_behind_is_ended(tmp_path):
    job = ShellJob("a", tmp_path, "for _ in 1 2 3 4 5 6 7 8; do sleep 1000 & done; exit 9")  # data loaders
    assert run_locally([job], CPU)[0].startswith("a ended with status 9")
    assert not held(tmp_path / "crossval.lock")


def test_a_folder_that_cannot_be_used_stops_no_other_job(tmp_path):
    (tmp_path / "a").write_text("a file where the folder should be")
    jobs = [ShellJob("a", tmp_path / "a"), ShellJob("b", tmp_path / "b")]
    assert [message.split(":")[0] for message in run_locally(jobs, CPU)] == ["a"]
    assert jobs[1].finished()


def test_jobs_run_side_by_side_each_on_gpus_of_its_own(tmp_path):
    meet = "echo $CUDA_VISIBLE_DEVICES > gpus; until [ -e ../{other}/gpus ]; do sleep 0.05; done; touch done"
    jobs = [
        ShellJob("a", tmp_path / "a", meet.format(other="b")),
        ShellJob("b", tmp_path / "b", meet.format(other="a")),
        ShellJob("c", tmp_path / "c", "echo $CUDA_VISIBLE_DEVICES > gpus; touch done"),
    ]
    assert run_locally(jobs, [["0", "1"], ["2", "3"]]) == []
    gpus = [(job.folder / "gpus").read_text().strip() for job in jobs]
    assert sorted(gpus[:2]) == ["0,1", "2,3"]
    assert gpus[2] in ("0,1", "2,3")


def test_a_job_sees_its_own_variables(tmp_path):
    job = ShellJob(
        "a", tmp_path, "[ $nnUNet_results = elsewhere ] && touch done", {"nnUNet_results": "elsewhere"}
    )
    assert run_job(job) == ""


def test_a_job_that_runs_already_is_left_alone(tmp_path):
    job = ShellJob("a", tmp_path)
    with locked(tmp_path / "crossval.lock"):
        assert run_locally([job], CPU) == ["a runs already, here or on another machine."]
    assert not (tmp_path / "begun").exists()
    assert run_locally([job], CPU) == []


def start_and_kill(folder, shell):
    """A call that runs this job and is killed as soon as the job has written `step1`."""
    program = (
        "from pathlib import Path\n"
        "from nnunet_slice_attention.jobs.local import run_job\n"
        "from tests.jobs.shell_job import ShellJob\n"
        f"run_job(ShellJob('a', Path({str(folder)!r}), {shell!r}))\n"
    )
    started = subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[2])
    wait_until((folder / "step1").exists)
    os.kill(started.pid, signal.SIGKILL)
    started.wait()


UNTIL_GO = "touch step1; until [ -e go ]; do sleep 0.05; done; "


def test_a_process_keeps_the_lock_when_what_started_it_is_killed(tmp_path):
    start_and_kill(tmp_path, UNTIL_GO + "touch done")
    assert held(tmp_path / "crossval.lock")
    (tmp_path / "go").touch()
    wait_until(lambda: not held(tmp_path / "crossval.lock"))
    assert (tmp_path / "done").exists()


def test_what_a_process_leaves_behind_is_ended_when_what_started_it_is_killed(tmp_path):
    start_and_kill(tmp_path, "sleep 1000 & echo $! > loader; " + UNTIL_GO + "kill -9 $$")
    (tmp_path / "go").touch()
    wait_until(lambda: not is_running(tmp_path / "loader"))


def test_a_process_whose_holder_of_the_lock_is_killed_is_ended_before_the_job_is_begun_again(tmp_path):
    start_and_kill(tmp_path, "echo $$ > training; " + UNTIL_GO)
    holder = psutil.Process(int((tmp_path / "training").read_text())).parent()
    holder.kill()
    wait_until(lambda: not is_alive(holder.pid))
    (tmp_path / "begun").unlink()
    assert run_job(ShellJob("a", tmp_path)) == ""
    assert not is_running(tmp_path / "training")


def test_a_job_that_is_stopped_is_ended_with_all_its_processes_even_if_they_would_not(tmp_path, monkeypatch):
    monkeypatch.setattr("nnunet_slice_attention.jobs.processes.GRACE_S", 0.2)
    loader = "sh -c 'while :; do sleep 0.1; done' & echo $! > loader"
    job = ShellJob("a", tmp_path, f"trap '' TERM; {loader}; touch step1; wait")
    stop = threading.Event()
    threading.Thread(target=lambda: (wait_until((tmp_path / "step1").exists), stop.set())).start()
    assert run_job(job, stop=stop).startswith("a ended with status 137")
    assert not is_running(tmp_path / "loader")
    assert not held(tmp_path / "crossval.lock")


def test_without_locks_in_the_file_system_jobs_run(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.ENOSYS, "no locks here")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    assert run_locally([ShellJob("a", tmp_path)], CPU) == []


def test_a_lock_that_cannot_be_written_is_no_free_lock(tmp_path):
    (tmp_path / "crossval.lock").mkdir()
    assert "crossval.lock" in run_locally([ShellJob("a", tmp_path)], CPU)[0]
    assert not (tmp_path / "begun").exists()


def is_running(pid_file):
    return is_alive(int(pid_file.read_text()))


def is_alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def held(path):
    try:
        with locked(path):
            return False
    except Busy:
        return True


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_places_on_gpus_and_without(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5,7")
    assert places("cuda", 1) == [["2"], ["5"], ["7"]]
    assert places("cuda", 2) == [["2", "5"]]
    assert places("cuda", 3, at_a_time=2) == [["2", "5", "7"]] * 2
    assert places("cpu", 1) == [[]]
    assert places("cpu", 1, at_a_time=2) == [[], []]
    with pytest.raises(
        ValueError, match=r"3 GPUs are visible, a training needs 4. Give fewer with -num_gpus"
    ):
        places("cuda", 4)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    with pytest.raises(ValueError, match=r"0 GPUs are visible, a training needs 1\. .*-device cpu"):
        places("cuda", 1)
    with pytest.raises(ValueError, match="--jobs 0"):
        places("cpu", 1, at_a_time=0)

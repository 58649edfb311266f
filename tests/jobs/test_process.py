"""One job as a process on this machine: its lock, and the end of everything it started."""

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

from nnunet_slice_attention.jobs.lock import Busy, locked
from nnunet_slice_attention.jobs.process import run_job
from tests.jobs.shell_job import ShellJob


def is_running(pid_file):
    return is_alive(int(pid_file.read_text()))


def is_alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_locked(folder):
    try:
        with locked(ShellJob("", folder).lock):
            return False
    except Busy:
        return True


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_job_sees_its_own_variables(tmp_path):
    job = ShellJob(
        "a", tmp_path, "[ $nnUNet_results = elsewhere ] && touch done", {"nnUNet_results": "elsewhere"}
    )
    assert run_job(job) == ""


def test_processes_that_outlive_the_command_are_terminated(tmp_path):
    job = ShellJob("a", tmp_path, "for _ in 1 2 3 4 5 6 7 8; do sleep 1000 & done; exit 9")  # data loaders
    assert run_job(job).startswith("a ended with status 9")
    assert not is_locked(tmp_path)


def test_a_job_that_is_already_running_is_left_alone(tmp_path):
    job = ShellJob("a", tmp_path)
    with locked(job.lock):
        assert run_job(job) == "a is already running, here or on another machine."
    assert not (tmp_path / "started").exists()
    assert run_job(job) == ""


def test_a_job_whose_progress_cannot_be_read_is_not_ended(tmp_path, monkeypatch):
    monkeypatch.setattr("nnunet_slice_attention.jobs.process.POLL_S", 0.05)
    (tmp_path / "unreadable").touch()
    assert run_job(ShellJob("a", tmp_path, "sleep 0.3; touch done")) == ""
    (tmp_path / "unreadable").unlink()
    (tmp_path / "done").unlink()
    assert run_job(ShellJob("a", tmp_path, "sleep 0.2; touch unreadable; sleep 0.2; touch done")) == ""


def start_and_kill(folder, shell):
    """Run a job in a process that is killed as soon as the job has written `step1`."""
    program = (
        "from pathlib import Path\n"
        "from nnunet_slice_attention.jobs.process import run_job\n"
        "from tests.jobs.shell_job import ShellJob\n"
        f"run_job(ShellJob('a', Path({str(folder)!r}), {shell!r}))\n"
    )
    started = subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[2])
    wait_until((folder / "step1").exists)
    os.kill(started.pid, signal.SIGKILL)
    started.wait()


UNTIL_GO = "touch step1; until [ -e go ]; do sleep 0.05; done; "


def test_the_command_keeps_the_lock_when_its_caller_is_killed(tmp_path):
    start_and_kill(tmp_path, UNTIL_GO + "touch done")
    assert is_locked(tmp_path)
    (tmp_path / "go").touch()
    wait_until(lambda: not is_locked(tmp_path))
    assert (tmp_path / "done").exists()


def test_processes_that_outlive_the_command_are_terminated_even_if_its_caller_was_killed(tmp_path):
    start_and_kill(tmp_path, "sleep 1000 & echo $! > loader; " + UNTIL_GO + "kill -9 $$")
    (tmp_path / "go").touch()
    wait_until(lambda: not is_running(tmp_path / "loader"))


def test_a_command_whose_wrapper_was_killed_is_terminated_before_the_job_starts_again(tmp_path):
    start_and_kill(tmp_path, "echo $$ > command; " + UNTIL_GO)
    wrapper = psutil.Process(int((tmp_path / "command").read_text())).parent()
    wrapper.kill()
    wait_until(lambda: not is_alive(wrapper.pid))
    running_at_start = []

    class Next(ShellJob):
        def prepare(self):
            running_at_start.append(is_running(tmp_path / "command"))

    assert run_job(Next("a", tmp_path)) == ""
    assert running_at_start == [False]


def test_a_stopped_job_ends_with_all_its_processes_even_if_they_ignore_sigterm(tmp_path, monkeypatch):
    monkeypatch.setattr("nnunet_slice_attention.jobs.descendants.GRACE_S", 0.2)
    loader = "sh -c 'while :; do sleep 0.1; done' & echo $! > loader"
    job = ShellJob("a", tmp_path, f"trap '' TERM; {loader}; touch step1; while :; do sleep 0.1; done")
    stop = threading.Event()
    threading.Thread(target=lambda: (wait_until((tmp_path / "step1").exists), stop.set())).start()
    assert run_job(job, stop=stop).startswith("a ended with status 137")
    assert not is_running(tmp_path / "loader")
    assert not is_locked(tmp_path)


def test_jobs_run_on_a_file_system_without_locks(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.ENOSYS, "no locks here")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    assert run_job(ShellJob("a", tmp_path)) == ""


def test_a_lock_file_that_cannot_be_opened_stops_the_job(tmp_path):
    job = ShellJob("a", tmp_path)
    job.lock.mkdir()
    with pytest.raises(OSError, match="shell.lock"):
        run_job(job)
    assert not (tmp_path / "started").exists()

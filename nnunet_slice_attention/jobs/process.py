"""One job, run as a process on this machine.

`run_job` starts `python -m nnunet_slice_attention.jobs.process LOCK COMMAND...`, which holds the job's lock until the
command and everything it started has exited, even if `run_job` was killed.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tqdm import tqdm

from .descendants import VARIABLE, end_processes
from .job import Job, last_lines, steps_or_none
from .lock import Busy, Held, exclusive, locked

POLL_S = 2.0
GRACE_S = 30.0  # for the wrapper to exit after its command was ended
# An interrupt from the keyboard is meant for this process, which ends its jobs in order.
DETACHED = {"start_new_session": True, "creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}


def run_job(
    job: Job,
    variables: Mapping[str, str] | None = None,
    slot: int = 0,
    stop: threading.Event | None = None,
) -> str:
    """Run what is left of a job.

    Args:
        variables: added to the job's environment.
        slot: line of the terminal for the job's progress bar, below that of all jobs.
        stop: ends the job when it is set.

    Returns:
        "" if the job is finished afterwards, else a message.
    """
    job.folder.mkdir(parents=True, exist_ok=True)
    try:
        with locked(job.lock) as held:
            if job.finished():
                return ""
            job.prepare()
            with job.log.open("ab") as out:
                process = subprocess.Popen(
                    held.command(job.command()),
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    env=os.environ | job.environment() | (variables or {}),
                    **DETACHED,
                )
                try:
                    _wait(job, process, slot, stop or threading.Event())
                finally:
                    _end(held, process)
    except Busy:
        return f"{job.name} is already running, here or on another machine."
    if process.returncode or not job.finished():
        return f"{job.name} ended with status {process.returncode}; {last_lines(job)}"
    return ""


def _wait(job: Job, process: subprocess.Popen, slot: int, stop: threading.Event) -> None:
    """Show progress and the time left until the process exits or `stop` is set."""
    done, total = steps_or_none(job) or (0, None)
    with tqdm(desc=job.name, initial=done, total=total, position=slot + 1, leave=False, disable=None) as bar:
        while process.poll() is None and not stop.is_set():
            try:
                process.wait(POLL_S)
            except subprocess.TimeoutExpired:
                if steps := steps_or_none(job):
                    done, bar.total = steps
                    bar.update(done - bar.n)


def _end(held: Held, process: subprocess.Popen) -> None:
    """End what is left of the command, and wait for the wrapper to exit."""
    deadline = time.monotonic() + GRACE_S
    held.end()
    while process.poll() is None:
        if time.monotonic() > deadline:
            process.kill()
        with suppress(subprocess.TimeoutExpired):
            process.wait(1)
        held.end()  # the wrapper may have started the command only now


def main(lock: str, command: Sequence[str]) -> int:
    """Run a command while holding a lock, and end what it leaves behind.

    Returns:
        the command's exit status, 128 + N if signal N ended it; 1 if the lock is taken.
    """
    for kind in (signal.SIGINT, signal.SIGTERM):
        signal.signal(kind, lambda number, _: sys.exit(128 + number))  # runs the `finally` below
    try:
        with exclusive(Path(lock)):
            process = subprocess.Popen(command, env=os.environ | {VARIABLE: lock})
            try:
                status = process.wait()
            finally:
                end_processes(lock)
    except Busy:
        print(f"{lock} is held: this job is already running, here or on another machine.", file=sys.stderr)
        return 1
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

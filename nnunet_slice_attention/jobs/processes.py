"""The processes of a job on this machine, also those whose parent has ended: nnU-Net's data loaders survive a training
that was killed, and no system tells whose they were. They inherit an environment variable that does."""

import time
from contextlib import suppress

import psutil

VARIABLE = "NNUNET_SLICE_ATTENTION_JOB"
GRACE_S = 10.0  # between asking a process to end and ending it
POLL_S = 0.05


def processes_of(job: str) -> set[psutil.Process]:
    """Those that were started with the variable set to `job`, and all that these have started; no zombies."""
    found = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # another user's, or ended meanwhile
            if process.environ().get(VARIABLE) == job and process.status() != psutil.STATUS_ZOMBIE:
                found.add(process)
    return found


def end_processes(job: str) -> None:
    """Ask them to end, end those that do not, and return when none is left, or after twice `GRACE_S`."""
    for end in (psutil.Process.terminate, psutil.Process.kill):
        deadline, told = time.monotonic() + GRACE_S, set()
        while left := processes_of(job):
            for process in left - told:
                with suppress(psutil.Error):
                    end(process)
            told |= left
            if time.monotonic() > deadline:
                break
            time.sleep(POLL_S)

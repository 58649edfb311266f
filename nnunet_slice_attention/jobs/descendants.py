"""All processes of a command on this machine, including those whose parent has exited.

Data loaders outlive a run that was killed, and no operating system tells which run they belonged to. They inherit an
environment variable that does.
"""

import time
from contextlib import suppress

import psutil

VARIABLE = "NNUNET_SLICE_ATTENTION_JOB"
GRACE_S = 10.0  # between terminating a process and killing it
POLL_S = 0.05


def find_processes(tag: str) -> set[psutil.Process]:
    """Processes started with the variable set to `tag`, and their descendants; no zombies."""
    found = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # another user's, or it has exited meanwhile
            if process.environ().get(VARIABLE) == tag and process.status() != psutil.STATUS_ZOMBIE:
                found.add(process)
    return found


def end_processes(tag: str) -> None:
    """Terminate them, kill those that remain, and return once none is left, or after twice `GRACE_S`."""
    for end in (psutil.Process.terminate, psutil.Process.kill):
        deadline, signalled = time.monotonic() + GRACE_S, set()
        while left := find_processes(tag):
            for process in left - signalled:
                with suppress(psutil.Error):
                    end(process)
            signalled |= left
            if time.monotonic() > deadline:
                break
            time.sleep(POLL_S)

"""Jobs on this machine: so many at a time, each on GPUs of its own, with live progress."""

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from tqdm import tqdm

from .job import Job, last_lines, output_of
from .lock import Busy, Held, locked

POLL_S = 2.0
END_S = 30.0  # for a process to end whose command has been ended
# An interruption from the keyboard is for this process, which ends its jobs in order.
APART = {"start_new_session": True, "creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}


def places(device: str, gpus_of_a_job: int, at_a_time: int | None = None) -> list[list[str]]:
    """For each job that can run at a time the ids of its GPUs; without GPUs, of the device `cpu` or `mps`, empty lists.

    Args:
        at_a_time: jobs; None takes as many as there are GPUs for, 1 without GPUs.

    Raises:
        ValueError: there are fewer GPUs than one job needs, or a number is below 1.
    """
    if at_a_time is not None and at_a_time < 1:
        raise ValueError(f"--jobs {at_a_time} is not a number from 1 on.")
    if gpus_of_a_job < 1:
        raise ValueError(f"-num_gpus {gpus_of_a_job} is not a number from 1 on.")
    if device != "cuda":
        return [[]] * (at_a_time or 1)
    import torch

    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    ids = shown.split(",") if shown else list(map(str, range(torch.cuda.device_count())))
    found = [ids[i : i + gpus_of_a_job] for i in range(0, len(ids) - gpus_of_a_job + 1, gpus_of_a_job)]
    if not found:
        way_out = "Give fewer with -num_gpus." if ids else "Make one visible, or give -device cpu."
        raise ValueError(f"{len(ids)} GPUs are visible, a training needs {gpus_of_a_job}. {way_out}")
    if at_a_time is None:
        return found
    return [found[i % len(found)] for i in range(at_a_time)]  # more jobs than GPUs share them


def run_locally(jobs: Sequence[Job], places: Sequence[Sequence[str]]) -> list[str]:
    """Run what is left of each job, as many at a time as there are places.

    Args:
        places: for each the ids of its GPUs; without any the environment is left as it is.

    Returns:
        a message for each job that is not finished then.
    """
    free = queue.SimpleQueue()
    for place, gpus in enumerate(places):
        free.put((place, {"CUDA_VISIBLE_DEVICES": ",".join(gpus)} if gpus else {}))
    stop = threading.Event()

    def one(job: Job) -> str:
        place, gpus = free.get()
        try:
            return "" if stop.is_set() else run_job(job, gpus, place, stop)
        except Exception as error:  # of this job's files; the others go on
            return f"{job.name}: {error}"
        finally:
            free.put((place, gpus))

    with ThreadPoolExecutor(len(places)) as pool:
        running = [pool.submit(one, job) for job in jobs]
        try:
            return [message for message in (job.result() for job in running) if message]
        except BaseException:
            stop.set()  # ends the processes; the next call continues from what they saved
            raise


def run_job(
    job: Job,
    variables: Mapping[str, str] | None = None,
    place: int = 0,
    stop: threading.Event | None = None,
) -> str:
    """Run what is left of a job; "" once it is finished, else a message.

    Args:
        variables: added to the job's environment.
        place: line of its progress bar.
        stop: ends the process when it is set.
    """
    job.folder.mkdir(parents=True, exist_ok=True)
    try:
        with locked(job.folder / "crossval.lock") as held:
            if job.finished():
                return ""
            job.prepare()
            with output_of(job).open("ab") as out:
                process = subprocess.Popen(
                    held.command(job.command()),  # which holds the lock even if this process is killed
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    env=os.environ | job.environment() | (variables or {}),
                    **APART,
                )
                try:
                    _watch(job, process, place, stop or threading.Event())
                finally:
                    _end(held, process)
    except Busy:
        return f"{job.name} runs already, here or on another machine."
    if process.returncode or not job.finished():
        return f"{job.name} ended with status {process.returncode}; {last_lines(job)}"
    return ""


def _end(held: Held, process: subprocess.Popen) -> None:
    """End what is left of a job's processes; the one that holds the lock ends with them."""
    deadline = time.monotonic() + END_S
    held.end()
    while process.poll() is None:
        if time.monotonic() > deadline:
            process.kill()
        with suppress(subprocess.TimeoutExpired):
            process.wait(1)
        held.end()  # the command may have begun only now


def _watch(job: Job, process: subprocess.Popen, place: int, stop: threading.Event) -> None:
    """Show progress, with the time that is left, until the process ends or `stop` is set."""
    seldom = 1 if sys.stderr.isatty() else 60
    with tqdm(desc=job.name, initial=job.steps()[0], position=place, mininterval=seldom) as bar:
        while process.poll() is None and not stop.is_set():
            try:
                process.wait(POLL_S)
            except subprocess.TimeoutExpired:
                done, bar.total = job.steps()
                bar.update(done - bar.n)

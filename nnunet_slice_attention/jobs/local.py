"""Jobs on this machine: several at once, each on its own GPUs."""

import argparse
import os
import queue
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path

from tqdm import tqdm

from .job import Job


class LocalLauncher:
    """Runs jobs on this machine; an interrupt ends them, and the next call continues from what they saved."""

    title = "on this machine"

    @staticmethod
    def add_options(group: argparse._ArgumentGroup) -> None:
        group.add_argument(
            "--jobs", type=int, metavar="N", help="jobs at once (default: one per GPU; 1 without a GPU)"
        )

    def __init__(self, options: argparse.Namespace, name: str, gpus: int, folder: Path):
        self.slots = gpu_slots(gpus, options.jobs)

    def __call__(self, jobs: Sequence[Job]) -> list[str]:
        return run_locally(jobs, self.slots)


def gpu_slots(gpus: int, jobs: int | None = None) -> list[list[str]]:
    """IDs of the GPUs of each job that can run at once.

    Args:
        gpus: per job; 0 for jobs without a GPU, whose lists are empty.
        jobs: how many at once; None for as many as there are GPUs for, 1 without GPUs.

    Raises:
        ValueError: fewer GPUs are visible than one job needs, or `jobs` is below 1.
    """
    if jobs is not None and jobs < 1:
        raise ValueError(f"--jobs {jobs} is not 1 or more.")
    if not gpus:
        return [[]] * (jobs or 1)
    import torch

    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    ids = visible.split(",") if visible else list(map(str, range(torch.cuda.device_count())))
    slots = [ids[i : i + gpus] for i in range(0, len(ids) - gpus + 1, gpus)]
    if not slots:
        raise ValueError(
            f"{len(ids)} GPUs are visible, a job needs {gpus}. Give each job fewer, make more visible, or use the CPU."
        )
    return [slots[i % len(slots)] for i in range(jobs or len(slots))]  # jobs beyond the GPUs share them


def run_locally(jobs: Sequence[Job], slots: Sequence[Sequence[str]]) -> list[str]:
    """Run what is left of each job, as many at once as there are slots.

    Args:
        slots: GPU IDs of each; without any the environment is left unchanged.

    Returns:
        one message per job that is not finished afterwards.
    """
    from .process import run_job

    free = queue.SimpleQueue()
    for slot, gpus in enumerate(slots):
        free.put((slot, {"CUDA_VISIBLE_DEVICES": ",".join(gpus)} if gpus else {}))
    stop = threading.Event()

    def run_one(job: Job) -> str:
        slot, gpus = free.get()
        try:
            message = "" if stop.is_set() else run_job(job, gpus, slot, stop)
            if not stop.is_set():
                with suppress(OSError):  # nobody reads it any more, which is no failure of the job
                    tqdm.write(f"{job.name}: {'failed' if message else 'finished'}")
            return message
        except Exception as error:  # from this job's files: the other jobs continue
            return f"{job.name}: {error}"
        finally:
            free.put((slot, gpus))

    with ThreadPoolExecutor(len(slots)) as pool:
        running = [pool.submit(run_one, job) for job in jobs]
        try:
            for _ in tqdm(as_completed(running), "jobs", len(running), unit="job", disable=None):
                pass
            return [message for message in (job.result() for job in running) if message]
        except BaseException:
            stop.set()
            raise

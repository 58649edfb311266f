"""Jobs on a Slurm cluster through submitit: one array, continued after pre-emption and time limits."""

import json
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import submitit

from ..files import read_json_or_empty, write_text
from .job import Job, last_lines
from .local import run_job

RECORD = "slurm_job.json"  # in a job's folder: what it was submitted as
POLL_S = 5.0
SETTLE_S = 60.0  # until a shared file system shows what a node has written


class Requeued:
    """A job as submitit calls it on a node; when Slurm takes the node away it is queued again and continues."""

    def __init__(self, job: Job):
        self.job = job

    def __call__(self) -> str:
        if message := run_job(self.job):
            raise RuntimeError(message)
        return ""

    def checkpoint(self) -> submitit.helpers.DelayedSubmission:
        return submitit.helpers.DelayedSubmission(self)


def check_slurm() -> None:
    """Raise RuntimeError if this is no Slurm cluster."""
    if shutil.which("sbatch") is None:
        raise RuntimeError(
            "there is no sbatch here. Call this on a login node of the cluster, or give --launcher local."
        )


def run_on_slurm(
    jobs: Sequence[Job], logs: Path, parameters: Mapping[str, object], requeues: int
) -> list[str]:
    """Submit, and wait; an interruption leaves the jobs in the queue, where the same call finds them again.

    Raises:
        RuntimeError: `sbatch` refuses the jobs.
    """
    return wait(jobs, submit(jobs, logs, parameters, requeues), logs)


def submit(
    jobs: Sequence[Job], logs: Path, parameters: Mapping[str, object], requeues: int
) -> dict[str, str]:
    """Submit jobs as one array; those that wait or run already are left to do so.

    Args:
        logs: folder for submitit's files, which all nodes see.
        parameters: of submitit's `AutoExecutor.update_parameters`, e.g. slurm_partition, timeout_min.
        requeues: how often a job goes on after its time limit.

    Returns:
        Slurm's id of each job, by the job's name.
    """
    queued = states()
    ids = {job.name: earlier for job in jobs if (earlier := _recorded(job)) in queued}
    new = [job for job in jobs if job.name not in ids]
    if new:
        executor = submitit.AutoExecutor(folder=logs, cluster="slurm", slurm_max_num_timeout=requeues)
        executor.update_parameters(name="crossval", **parameters)
        with executor.batch():
            submitted = [executor.submit(Requeued(job)) for job in new]
        for job, slurm in zip(new, submitted, strict=True):
            job.folder.mkdir(parents=True, exist_ok=True)
            write_text(job.folder / RECORD, json.dumps({"job": slurm.job_id}))
            ids[job.name] = slurm.job_id
    return ids


def _recorded(job: Job) -> str | None:
    recorded = read_json_or_empty(job.folder / RECORD).get("job")
    return recorded if isinstance(recorded, str) else None


def states() -> dict[str, str]:
    """{id: PENDING, RUNNING, ...} of the user's jobs in the queue; ended ones are not in it.

    From `squeue`: `sacct` needs an accounting database, which small clusters do not have.
    """
    command = ["squeue", "--me", "--array", "--noheader", "--format", "%i %T"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(
            f"squeue failed, so what is queued is not known: {done.stderr.strip()}. Call again later."
        )
    return dict(line.split(maxsplit=1) for line in done.stdout.splitlines())


def wait(jobs: Sequence[Job], ids: Mapping[str, str], logs: Path) -> list[str]:
    """Wait until all have left the queue, and print what changes; a message for each that is not finished then."""
    shown: dict[str, str] = {}
    while True:
        try:
            queued = states()
        except RuntimeError as error:  # the controller may be busy for a while
            print(error, flush=True)
            time.sleep(POLL_S)
            continue
        for job in jobs:
            done, total = job.steps()
            state = queued.get(ids[job.name], "ended").lower()
            line = f"{job.name}: {state} as Slurm job {ids[job.name]}" + (
                f", {done} of {total}" if total else ""
            )
            if shown.get(job.name) != line:
                shown[job.name] = line
                print(line, flush=True)
        if not any(ids[job.name] in queued for job in jobs):
            break
        time.sleep(POLL_S)
    deadline = time.monotonic() + SETTLE_S
    while not all(job.finished() for job in jobs) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return [
        f"{job.name} ended unfinished as Slurm job {ids[job.name]} (see {logs / ids[job.name]}_0_log.err); "
        f"{last_lines(job)}"
        for job in jobs
        if not job.finished()
    ]

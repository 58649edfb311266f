"""Jobs on a Slurm cluster through submitit: one array, continued after pre-emption and time limits."""

import argparse
import json
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..files import read_json_or_empty, write_text
from .job import Job, last_lines, steps_or_none

SLURM_RECORD = "slurm_job.json"  # in a job's folder: its ID in Slurm and its options
POLL_S = 5.0
SETTLE_S = 60.0  # until a shared file system shows what a node has written


class SlurmLauncher:
    """Submits jobs and waits; an interrupt leaves them in the queue, where the next call finds them."""

    title = "on a Slurm cluster"

    @staticmethod
    def add_options(group: argparse._ArgumentGroup) -> None:
        add = group.add_argument
        add("--partition", metavar="NAME", help="default: the cluster's")
        add("--hours", type=float, default=24.0, help="time limit per job (default: %(default)s)")
        add("--requeues", type=int, default=20, help="continuations after the limit (default: %(default)s)")
        add("--cpus", type=int, default=12, help="per job (default: %(default)s)")
        add("--memory", type=float, default=48.0, metavar="GB", help="per job (default: %(default)s)")
        add("--at-a-time", type=int, default=256, metavar="N", help="jobs at once (default: %(default)s)")
        add(
            "--sbatch",
            metavar="NAME=VALUE",
            nargs="+",
            action="extend",
            default=[],
            help="further options of sbatch, e.g. account=abc qos=long",
        )

    def __init__(self, options: argparse.Namespace, name: str, gpus: int, folder: Path):
        if shutil.which("sbatch") is None:
            raise RuntimeError(
                "no sbatch here. Call this on a login node of the cluster, or give --launcher local."
            )
        self.logs, self.requeues = folder / "slurm", options.requeues
        further = dict(map(_name_and_value, options.sbatch))
        self.parameters = {
            "name": name,
            "timeout_min": max(1, round(60 * options.hours)),
            "cpus_per_task": options.cpus,
            # srun of Slurm 22.05 to 23.02 does not take it over from sbatch: the job would run on one core.
            "slurm_srun_args": [f"--cpus-per-task={further.get('cpus_per_task', options.cpus)}"],
            "mem_gb": options.memory,
            "slurm_array_parallelism": options.at_a_time,
            "slurm_additional_parameters": {"requeue": True} | further,
        }
        if gpus:
            self.parameters["gpus_per_node"] = gpus
        if options.partition:
            self.parameters["slurm_partition"] = options.partition

    def __call__(self, jobs: Sequence[Job]) -> list[str]:
        return run_on_slurm(jobs, self.logs, self.parameters, self.requeues)


def _name_and_value(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not (name and value):
        raise ValueError(f"--sbatch {text!r} is not NAME=VALUE, e.g. account=abc.")
    # submitit's spelling: under another name an option is written beside the launcher's own, which Slurm prefers.
    return name.replace("-", "_"), value


class Requeued:
    """A job as submitit calls it on a node; if Slurm takes the node away, it is queued again and continues."""

    def __init__(self, job: Job):
        self.job = job

    def __call__(self) -> str:
        from .process import run_job

        if message := run_job(self.job):
            raise RuntimeError(message)
        return ""

    def checkpoint(self):
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def run_on_slurm(
    jobs: Sequence[Job], logs: Path, parameters: Mapping[str, object], requeues: int
) -> list[str]:
    """Submit the jobs and wait for them; one message per job that is not finished afterwards.

    Raises:
        RuntimeError: see `submit`.
    """
    return wait(jobs, submit(jobs, logs, parameters, requeues), logs)


def submit(
    jobs: Sequence[Job], logs: Path, parameters: Mapping[str, object], requeues: int
) -> dict[str, str]:
    """Submit jobs as one array, except those that are already in the queue.

    Args:
        logs: folder for submitit's files, visible to all nodes.
        parameters: of submitit's `AutoExecutor.update_parameters`, e.g. name, slurm_partition, timeout_min.
        requeues: how often a job continues after its time limit.

    Returns:
        Slurm's ID of each job, by the job's name.

    Raises:
        RuntimeError: a job is in the queue with other options, or `sbatch` refuses the jobs.
    """
    queued = states()
    ids = {job.name: earlier for job in jobs if (earlier := recorded_id(job)) in queued}
    for job in jobs:
        if job.name in ids:
            _check_same_options(job, ids[job.name])
    new = [job for job in jobs if job.name not in ids]
    if new:
        import submitit

        executor = submitit.AutoExecutor(folder=logs, cluster="slurm", slurm_max_num_timeout=requeues)
        executor.update_parameters(**parameters)
        for job in new:  # first: what cannot be recorded would be submitted again by the next call
            job.folder.mkdir(parents=True, exist_ok=True)
            _record(job, None)
        with executor.batch():
            submitted = [executor.submit(Requeued(job)) for job in new]
        for job, slurm in zip(new, submitted, strict=True):
            _record(job, slurm.job_id)
            ids[job.name] = slurm.job_id
    return ids


def _record(job: Job, slurm_id: str | None) -> None:
    write_text(job.folder / SLURM_RECORD, json.dumps({"job": slurm_id, "options": repr(job)}))


def _check_same_options(job: Job, slurm_id: str) -> None:
    """Raise RuntimeError if a job in the queue was submitted with other options; earlier versions recorded none."""
    submitted = read_json_or_empty(job.folder / SLURM_RECORD).get("options", repr(job))
    if submitted != repr(job):
        raise RuntimeError(
            f"{job.name} is in the queue as Slurm job {slurm_id} with other options: {submitted}, not {job}. Run "
            f"scancel {slurm_id}, or give the options of that job."
        )


def recorded_id(job: Job) -> str | None:
    """The ID under which a job was last submitted; None if there is no record, or a damaged one."""
    recorded = read_json_or_empty(job.folder / SLURM_RECORD).get("job")
    return recorded if isinstance(recorded, str) else None


def states() -> dict[str, str]:
    """{ID: PENDING, RUNNING, ...} of the user's jobs in the queue, which has no completed ones.

    From `squeue`: `sacct` needs an accounting database, which small clusters do not have.
    """
    command = ["squeue", "--me", "--array", "--noheader", "--format", "%i %T"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"squeue failed, the queue is unknown: {done.stderr.strip()}. Call again later.")
    return dict(line.split(maxsplit=1) for line in done.stdout.splitlines())


def wait(jobs: Sequence[Job], ids: Mapping[str, str], logs: Path) -> list[str]:
    """Print changes until all jobs have left the queue; one message per job that is not finished then."""
    shown: dict[str, str] = {}
    steps: dict[str, tuple[int, int | None]] = {}
    while True:
        try:
            queued = states()
        except RuntimeError as error:  # the controller may be busy for a while
            print(error, flush=True)
            time.sleep(POLL_S)
            continue
        for job in jobs:
            done, total = steps[job.name] = steps_or_none(job) or steps.get(job.name, (0, None))
            state = queued.get(ids[job.name], "ended").lower()
            progress = f", {done} of {total}" if total else ""
            line = f"{job.name}: {state} as Slurm job {ids[job.name]}{progress}"
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

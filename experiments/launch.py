"""Running an experiment's jobs here, and saying how far its runs are."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from nnunet_slice_attention.jobs.job import Job
from nnunet_slice_attention.jobs.local import gpu_slots, run_locally

from .declaration import Experiment
from .jobs import Options, Training, measurements, predictions, trainings
from .run import Run, write_runs


def stages(folder: Path, experiment: Experiment, options: Options, only: str = "") -> list[list[Job]]:
    """Training runs, predictions, measurements; `only` those with this regular expression in their name."""
    found = (stage(folder, experiment, options) for stage in (trainings, predictions, measurements))
    return [[job for job in jobs if re.search(only, job.name)] for jobs in found]


def run_all(
    folder: Path, experiment: Experiment, options: Options, at_a_time: int = 2, only: str = ""
) -> list[str]:
    """Run what is not finished; a message for each job that is not finished then."""
    for group in experiment.runs:  # noted before the first run, to stay when steps are measured again
        if group.of_2d:
            write_runs(folder / group.listed, experiment.runs_of(group, folder))
    waiting, *users = stages(folder, experiment, options, only)
    failures = _train(waiting, trainings(folder, experiment, options), options.device, at_a_time)
    for jobs, number in zip(users, (at_a_time, 1), strict=True):  # a measurement has the machine to itself
        left = [job for job in jobs if not job.finished()]
        ready = [job for job in left if job.run is None or job.run.is_finished()]
        failures += [f"{job.name}: {job.run.index} is not trained." for job in left if job not in ready]
        failures += _launch(ready, options.device, number)
    return failures


def _train(waiting: Sequence[Training], known: Sequence[Training], device: str, at_a_time: int) -> list[str]:
    """Runs that follow another one after it."""
    failures: list[str] = []
    while waiting:
        unfinished = {job.run.index for job in known if not job.finished()}
        ready = [job for job in waiting if job.run.after not in unfinished]
        if not ready:
            follow = "{0.index} is not begun: {0.after}, which it follows, is not finished."
            return failures + [follow.format(job.run) for job in waiting]
        failures += _launch(ready, device, at_a_time)
        waiting = [job for job in waiting if job not in ready]
    return failures


def _launch(jobs: Sequence[Job], device: str, at_a_time: int) -> list[str]:
    left = [job for job in jobs if not job.finished()]
    return run_locally(left, gpu_slots(int(device == "cuda"), at_a_time)) if left else []


def status(runs: Sequence[Run]) -> str:
    """A line for each run, and the totals; hours are processor hours of the training."""
    width = max([len(run.index) for run in runs], default=5)
    lines = [f"{'run':{width}}  epochs     hours  Dice"]
    all_epochs, all_hours = 0, 0.0
    for run in runs:
        epochs, dice = run.epochs_done(), "-"
        hours = sum(float(row["cpu_s"]) for row in epochs) / 3600
        if run.is_finished():
            summary = json.loads((run.fold_folder() / "validation" / "summary.json").read_text())
            dice = f"{summary['foreground_mean']['Dice']:.4f}"
        lines.append(f"{run.index:{width}}  {f'{len(epochs)}/{run.epochs}':9} {hours:6.2f}  {dice}")
        all_epochs, all_hours = all_epochs + len(epochs), all_hours + hours
    finished = sum(run.is_finished() for run in runs)
    total = f"{all_epochs}/{sum(run.epochs for run in runs)} epochs, {all_hours:.2f} hours"
    return "\n".join([*lines, f"{finished}/{len(runs)} runs finished, {total}"])

"""Running an experiment's jobs here, and saying how far its runs are."""

import json
import re
from collections.abc import Sequence

from nnunet_slice_attention.jobs.job import Job
from nnunet_slice_attention.jobs.local import places, run_locally

from .declaration import RESULTS, Experiment
from .jobs import Options, Training, measurements, predictions, trainings
from .run import Run, write_runs
from .table import read_csv


def stages(
    name: str, experiment: Experiment, options: Options, only: str = ""
) -> tuple[Sequence[Job], Sequence[Job], Sequence[Job]]:
    """Training runs, predictions, measurements; `only` those with this regular expression in their name."""
    of_all = (stage(name, experiment, options) for stage in (trainings, predictions, measurements))
    first, second, third = ([job for job in jobs if re.search(only, job.name)] for jobs in of_all)
    return first, second, third


def run_all(
    name: str, experiment: Experiment, options: Options, at_a_time: int = 2, only: str = ""
) -> list[str]:
    """Run what is not finished; a message for each job that is not finished then."""
    _keep_plans(name, experiment)
    runs, predicted, measured = stages(name, experiment, options, only)
    failures = _train(runs, trainings(name, experiment, options), options.device, at_a_time)
    trained = [job for job in predicted if job.run.is_finished()]
    failures += [f"{job.name}: its training is not finished." for job in predicted if job not in trained]
    failures += _launch(trained, options.device, at_a_time)
    return failures + _launch(measured, options.device, 1)  # a measurement has the machine to itself


def _keep_plans(name: str, experiment: Experiment) -> None:
    """Iterations that follow from a budget are noted before the first run, and stay when steps are measured again."""
    for group in experiment.runs:
        if group.budget:
            write_runs(RESULTS / name / group.listed, experiment.runs_of(group, RESULTS / name))


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
    return run_locally(left, places(device, 1, at_a_time)) if left else []


def status(runs: Sequence[Run]) -> str:
    """A line for each run, and the totals; hours are processor hours of the training."""
    width = max([len(run.index) for run in runs], default=5)
    lines = [f"{'run':{width}}  epochs     hours  Dice"]
    all_epochs, all_hours = 0, 0.0
    for run in runs:
        folder, dice = run.fold_folder(), "-"
        epochs = read_csv(folder / "process_time.csv") if folder else []
        hours = sum(float(row["cpu_s"]) for row in epochs) / 3600
        if run.is_finished():
            summary = json.loads((folder / "validation" / "summary.json").read_text())
            dice = f"{summary['foreground_mean']['Dice']:.4f}"
        lines.append(f"{run.index:{width}}  {f'{len(epochs)}/{run.epochs}':9} {hours:6.2f}  {dice}")
        all_epochs, all_hours = all_epochs + len(epochs), all_hours + hours
    finished = sum(run.is_finished() for run in runs)
    total = f"{all_epochs}/{sum(run.epochs for run in runs)} epochs, {all_hours:.2f} hours"
    return "\n".join([*lines, f"{finished}/{len(runs)} runs finished, {total}"])

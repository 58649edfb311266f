"""Running an experiment's jobs here, and saying how far its runs are."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nnunet_slice_attention.jobs.local import gpu_slots, run_locally

from .declaration import Experiment
from .jobs import Options
from .run import Run
from .run_list import write_runs
from .stages import measurements, stages


def run_all(folder: Path, experiment: Experiment, options: Options) -> list[str]:
    """Run what is not finished; a message for each job that is not finished then."""
    if failures := measure_steps(folder, experiment, options):
        return failures
    for group in experiment.runs:  # noted before the first run, to stay when steps are measured again
        if group.of_2d:
            write_runs(folder / group.listed, experiment.runs_of(group, folder))
    at_a_time = (options.at_a_time, options.at_a_time, 1)  # a measurement has the machine to itself
    for jobs, number in zip(stages(folder, experiment, options), at_a_time, strict=True):
        left = [job for job in jobs if not job.finished()]
        while ready := [job for job in left if job.needs is None or job.needs.is_finished()]:
            failures += run_locally(ready, gpu_slots(int(options.device == "cuda"), number))
            left = [job for job in left if job not in ready]
        waits = "{0.name} is not begun: it needs {0.needs.index}, which is not trained."
        failures += [waits.format(job) for job in left]
    return failures


def measure_steps(folder: Path, experiment: Experiment, options: Options) -> list[str]:
    """Measure what runs with a budget are planned from, if it is not there yet; a message for each failure.

    What is there is measured again with the other measurements: planned runs stay as they are.
    """
    tables = {group.steps for group in experiment.runs if group.of_2d}
    found = measurements(folder, experiment, replace(options, again=False))
    jobs = zip(experiment.measure, found, strict=True)
    left = [job for measure, job in jobs if tables & set(measure.into) and not job.finished()]
    return run_locally(left, gpu_slots(int(options.device == "cuda"), 1)) if left else []


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

"""The jobs of an experiment, in three stages: training runs, predictions, measurements."""

import os
import re
import shlex
import sys
from pathlib import Path

from .collectors import compare_command
from .declaration import Experiment, Measure, Predict, Runs
from .jobs import Commands, Options, RunJob, Training
from .run import Run, results


def stages(folder: Path, experiment: Experiment, options: Options) -> list[list[RunJob]]:
    """Training runs, predictions, measurements."""
    found = (stage(folder, experiment, options) for stage in (trainings, predictions, measurements))
    return [[job for job in jobs if re.search(options.only, job.name)] for jobs in found]


def trainings(home: Path, experiment: Experiment, options: Options) -> list[Training]:
    """Each run once, though several groups, predictions or measurements need it.

    Raises:
        ValueError: two groups have a run of the same index, with other settings.
    """
    groups = [(group, run) for group in experiment.runs for run in experiment.runs_of(group, home)]
    known: dict[str, Run] = {}
    for _, run in groups:
        if (other := known.setdefault(run.index, run)) != run:
            raise ValueError(
                f"{home / 'experiment.py'}: two runs are called {run.index}, but are not the same: {run}, {other}. "
                "Give one of them another seed, or its arm another name."
            )
    left = {run.index for group, run in groups if options.again or not _has_rows(group, run, home)}
    users = [*predictions(home, experiment, options), *measurements(home, experiment, options)]
    models = {job.run.index: job.run for job in users if job.run and not job.finished()}
    needed = left | set(models) | {run.after for _, run in groups if run.index in left}
    runs = {run.index: run for _, run in groups} | models
    return [
        Training(run=run, needs=runs.get(run.after), collected=run.index not in needed, options=options)
        for run in runs.values()
    ]


def _has_rows(group: Runs, run: Run, folder: Path) -> bool:
    return bool(group.into) and all(run.is_collected(folder / table) for table in group.into)


def predictions(home: Path, experiment: Experiment, options: Options) -> list[Commands]:
    return [
        _prediction(home, predict, run, options)
        for predict in experiment.predict
        for run in predict.runs(home)
    ]


def prediction_folder(home: Path, run: Run) -> Path:
    return results() / home.name / run.index


def _prediction(home: Path, predict: Predict, run: Run, options: Options) -> Commands:
    """The images, every way, and then the comparison of all."""
    folder, dataset = prediction_folder(home, run), predict.of.dataset
    raw = Path(os.environ.get("nnUNet_raw", "nnUNet_raw"), dataset)
    places = {way: folder / way for way in predict.ways}
    truth = (places | {"validation": folder / "labels"}).get(predict.truth, raw / predict.truth)
    images, prepare = raw / predict.images, ["check", raw / predict.images]
    if predict.images == "validation":
        images = folder / "images"
        prepare = ["copy", images, folder / "labels"]
    model = ["-d", dataset, "-tr", run.trainer, "-p", run.plans, "-c", run.configuration, "-f", run.fold]
    model += ["-i", images, "-npp", 1, "-nps", 1, "-device", options.device]
    commands = {"images": [sys.executable, "-m", "experiments.images", dataset, run.fold, *prepare]}
    commands |= {way: [*shlex.split(do), *model, "-o", places[way]] for way, do in predict.ways.items()}
    compared = {way: place for way, place in places.items() if way != predict.truth}
    compare = compare_command(compared, truth, folder / "compared")
    commands["compare"] = [*compare, "--group", predict.of.patient]
    return Commands(
        name=f"{home.name}: {run.index}",
        folder=folder,
        commands={step: list(map(str, command)) for step, command in commands.items()},
        run=run,
        needs=run,
        collected=not options.again and run.is_collected(home / predict.into, predict.model),
    )


def measurement_folder(home: Path, measure: Measure) -> Path:
    return results() / home.name / Path(next(iter(measure.into))).stem


def measurements(home: Path, experiment: Experiment, options: Options) -> list[Commands]:
    """A table that is there is not measured again."""
    return [_measurement(home, measure, options) for measure in experiment.measure]


def _measurement(home: Path, measure: Measure, options: Options) -> Commands:
    folder, run = measurement_folder(home, measure), next(iter(measure.runs()), None)
    fields = {"out": folder / "out", "device": options.device, "trainer": run.trainer if run else ""}
    words = shlex.split(measure.command.format(**fields))
    return Commands(
        name=f"{home.name}: {', '.join(measure.into)}",
        folder=folder,
        commands={"measure": [sys.executable if word == "python" else word for word in words]},
        cwd=home,
        writes=[home / table for table, reader in measure.into.items() if reader is None],
        run=run,
        needs=run,
        collected=not options.again and all((home / table).is_file() for table in measure.into),
    )

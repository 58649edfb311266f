"""The jobs of an experiment: its training runs, its predictions, its measurements."""

import json
import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from .collectors import GROWING, compare_command
from .declaration import Experiment, Measure, Predict, Runs
from .made_with import FILE
from .run import Run, results

ROOT = Path(__file__).parents[1]
ONE_THREAD = {f"{n}_NUM_THREADS": "1" for n in ("OMP", "MKL", "OPENBLAS")} | {"nnUNet_def_n_proc": "1"}


@dataclass(frozen=True)
class Options:
    """Attributes:
    again: do also what the experiment's tables have already.
    only: regular expression in the name of a job.
    """

    again: bool = False
    only: str = ""
    at_a_time: int = 2
    device: str = "cpu"
    loaders: int = 0  # in the training's own process, so that its process time is all that it costs


@dataclass(frozen=True, kw_only=True)
class RunJob:
    """What trainings and other jobs have in common, see the package's `jobs.job.Job`.

    Attributes:
        run: what it trains, or whose model it uses, if it does.
        needs: what has to be trained first.
        collected: the rows are in the experiment's tables, and nothing needs what the job makes.
    """

    run: Run | None
    needs: Run | None
    collected: bool

    @property
    def lock(self) -> Path:
        return self.folder / "job.lock"

    @property
    def log(self) -> Path:
        return self.folder / "job.log"

    def environment(self) -> dict[str, str]:
        """`experiments` and this Python's commands are found from anywhere; nnU-Net's results are those of the run."""
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        commands = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        results = {"nnUNet_results": str(self.run.results)} if self.run else {}
        return {"PYTHONPATH": path, "PATH": commands} | results


@dataclass(frozen=True, kw_only=True)
class Training(RunJob):
    """A training run; called again it goes on from its last epoch."""

    options: Options

    @property
    def name(self) -> str:
        return self.run.index

    @property
    def folder(self) -> Path:
        return self.run.results / self.run.index

    def finished(self) -> bool:
        return self.collected or self.run.is_finished()

    def prepare(self) -> None:
        """The process itself resumes."""

    def command(self) -> list[str]:
        job = json.dumps([vars(self.run), self.options.device])
        # As a module it would be imported again by each of nnU-Net's worker processes.
        return [sys.executable, "-c", "from experiments.training import main; main()", job]

    def environment(self) -> dict[str, str]:
        return ONE_THREAD | {"nnUNet_n_proc_DA": str(self.options.loaders)} | super().environment()

    def steps(self) -> tuple[int, int | None]:
        return len(self.run.epochs_done()), self.run.epochs


@dataclass(frozen=True, kw_only=True)
class Commands(RunJob):
    """Commands one after the other, by name; those that have ended well are not called again.

    Attributes:
        cwd: where they are called.
    """

    name: str
    folder: Path
    commands: dict[str, list[str]]
    cwd: Path = ROOT

    def finished(self) -> bool:
        """What a model predicted that was trained again since, or is being trained, is none of this one's."""
        note = self.folder / FILE
        if self.collected or not note.is_file():
            return self.collected
        if self.run is None:
            return True
        return (
            self.run.is_finished() and note.stat().st_mtime >= (self.run.fold_folder() / FILE).stat().st_mtime
        )

    def prepare(self) -> None:
        if (self.folder / FILE).is_file():
            for path in self.folder.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
                elif path.suffix == ".done" or path.name == FILE:
                    path.unlink()

    def command(self) -> list[str]:
        job = str(self.folder), str(self.cwd), json.dumps(self.commands)
        return [sys.executable, "-m", "experiments.commands", *job]

    def steps(self) -> tuple[int, int | None]:
        return len(list(self.folder.glob("*.done"))), len(self.commands)


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
    tables = [table for table, collector in group.into.items() if collector not in GROWING]
    return bool(tables) and all(run.is_collected(folder / table) for table in tables)


def predictions(home: Path, experiment: Experiment, options: Options) -> list[Commands]:
    return [
        _prediction(home, predict, run, options) for predict in experiment.predict for run in predict.runs()
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
        run=run,
        needs=run,
        collected=not options.again and all((home / table).is_file() for table in measure.into),
    )

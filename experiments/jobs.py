"""The jobs of an experiment: its training runs, its predictions, its measurements."""

import json
import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from .collectors import GROWING, of_run
from .declaration import Experiment, Measure, Predict, Runs
from .made_with import FILE
from .run import Run, results
from .table import OF_RUN, columns_of, read_csv, row_key

ROOT = Path(__file__).parents[1]
ONE_THREAD = {f"{n}_NUM_THREADS": "1" for n in ("OMP", "MKL", "OPENBLAS")} | {"nnUNet_def_n_proc": "1"}


@dataclass(frozen=True)
class Options:
    """Attributes:
    again: do also what the experiment's tables have already.
    curve_every: epochs between two points of a run's curve; None for about 12 points.
    curve_cases: validation cases of a point; 0 for no curve.
    """

    again: bool = False
    device: str = "cpu"
    loaders: int = 0  # in the training's own process, so that its process time is all that it costs
    curve_every: int | None = None
    curve_cases: int = 12


class InFolder:
    """Where a job's lock and output are, beside what it makes."""

    folder: Path

    @property
    def lock(self) -> Path:
        return self.folder / "job.lock"

    @property
    def log(self) -> Path:
        return self.folder / "job.log"


@dataclass(frozen=True)
class Training(InFolder):
    """A training run; called again it goes on from its last epoch.

    Attributes:
        collected: its rows are in the experiment's tables, and nothing needs its model.
    """

    run: Run
    options: Options
    collected: bool

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
        settings = self.options.device, self.options.curve_every, self.options.curve_cases
        return [sys.executable, "-m", "experiments.training", json.dumps([vars(self.run), *settings])]

    def environment(self) -> dict[str, str]:
        return ONE_THREAD | {"nnUNet_n_proc_DA": str(self.options.loaders)} | _environment(self.run)

    def steps(self) -> tuple[int, int | None]:
        return len(self.run.epochs_done()), self.run.epochs


@dataclass(frozen=True)
class Commands(InFolder):
    """Commands one after the other, by name; those that have ended well are not called again.

    Attributes:
        cwd: where they are called.
        run: whose model they use, if they do.
        collected: the experiment's tables have the rows already.
    """

    name: str
    folder: Path
    commands: dict[str, list[str]]
    cwd: Path
    run: Run | None
    collected: bool

    def finished(self) -> bool:
        """What a model predicted that was trained again since is none of this one's."""
        note, trained = self.folder / FILE, self.run.fold_folder() if self.run else None
        if self.collected or not note.is_file():
            return self.collected
        return trained is None or note.stat().st_mtime >= (trained / FILE).stat().st_mtime

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

    def environment(self) -> dict[str, str]:
        return _environment(self.run)

    def steps(self) -> tuple[int, int | None]:
        return len(list(self.folder.glob("*.done"))), len(self.commands)


def _environment(run: Run | None) -> dict[str, str]:
    """`experiments` and this Python's commands are found from anywhere; nnU-Net's results are those of the run."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    commands = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {"PYTHONPATH": path, "PATH": commands} | ({"nnUNet_results": str(run.results)} if run else {})


def trainings(home: Path, experiment: Experiment, options: Options) -> list[Training]:
    """Each run once, though several groups, predictions or measurements need it."""
    groups = [(group, run) for group in experiment.runs for run in experiment.runs_of(group, home)]
    left = {run.index for group, run in groups if options.again or not _has_rows(group, run, home)}
    users = [*predictions(home, experiment, options), *measurements(home, experiment, options)]
    models = {job.run.index: job.run for job in users if job.run and not job.finished()}
    needed = left | set(models) | {run.after for _, run in groups if run.index in left}
    runs = {run.index: run for _, run in groups} | models
    return [Training(run, options, run.index not in needed) for run in runs.values()]


def _has_rows(group: Runs, run: Run, folder: Path) -> bool:
    tables = [table for table, collector in group.into.items() if collector not in GROWING]
    return bool(tables) and all(is_collected(run, folder / table) for table in tables)


def is_collected(run: Run, table: Path, model: str = "model") -> bool:
    """Whether a table has rows of the run, of whatever commit; `model` as in `Predict`."""
    ignored = {"commit"} | ({"model"} if model == "way" else set())
    columns = [column for column in columns_of(table, []) if column in OF_RUN and column not in ignored]
    own = of_run(run)
    wanted = row_key(own | {"model": own.get(model, "")}, columns)
    return any(row_key(row, columns) == wanted for row in read_csv(table))


def predictions(home: Path, experiment: Experiment, options: Options) -> list[Commands]:
    return [_prediction(home, p, run, options) for p in experiment.predict for run in p.runs()]


def prediction_folder(home: Path, run: Run) -> Path:
    return results() / home.name / run.index


def _prediction(home: Path, predict: Predict, run: Run, options: Options) -> Commands:
    """The images, every way, and then the comparison of all."""
    folder, dataset = prediction_folder(home, run), predict.of.dataset
    raw = Path(os.environ.get("nnUNet_raw", "nnUNet_raw"), dataset)
    places = {"validation": folder / "labels"} | {way: folder / way for way in predict.ways}
    images = folder / "images" if predict.images == "validation" else raw / predict.images
    prepare = ["copy", images, folder / "labels"] if predict.images == "validation" else ["check", images]
    commands = {"images": [sys.executable, "-m", "experiments.images", dataset, run.fold, *prepare]}
    model = ["-d", dataset, "-tr", run.trainer, "-p", run.plans, "-c", run.configuration, "-f", run.fold]
    for way, command in predict.ways.items():
        place = ["-i", images, "-o", folder / way, "-npp", 1, "-nps", 1, "-device", options.device]
        commands[way] = [*shlex.split(command), *model, *place]
    compared = [f"{way}={folder / way}" for way in predict.ways if way != predict.truth]
    compare = [
        sys.executable,
        "-m",
        "nnunet_slice_attention",
        "compare",
        "--group",
        predict.of.patient,
        "--predictions",
        *compared,
    ]
    truth = places.get(predict.truth, raw / predict.truth)
    commands["compare"] = [*compare, "--truth", truth, "-o", folder / "compared"]
    commands = {step: list(map(str, command)) for step, command in commands.items()}
    collected = not options.again and is_collected(run, home / predict.into, predict.model)
    return Commands(f"{home.name}: {run.index}", folder, commands, ROOT, run, collected)


def measurement_folder(home: Path, measure: Measure) -> Path:
    return results() / home.name / Path(next(iter(measure.into))).stem


def measurements(home: Path, experiment: Experiment, options: Options) -> list[Commands]:
    """A table that is there is not measured again."""
    jobs = []
    for measure in experiment.measure:
        folder, run = measurement_folder(home, measure), next(iter(measure.runs()), None)
        fields = {"out": folder / "out", "device": options.device, "trainer": run.trainer if run else ""}
        command = shlex.split(measure.command.format(**fields))
        command = [sys.executable if word == "python" else word for word in command]
        collected = not options.again and all((home / table).is_file() for table in measure.into)
        title = f"{home.name}: {', '.join(measure.into)}"
        jobs.append(Commands(title, folder, {"measure": command}, home, run, collected))
    return jobs

"""The jobs of an experiment: its training runs, its predictions, its measurements."""

import json
import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from .collectors import GROWING, of_run
from .declaration import RESULTS, Experiment, Measure, Predict
from .images import check_held_out, copy_validation
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


@dataclass(frozen=True)
class Training:
    """A training run; called again it goes on from its last epoch.

    Attributes:
        collected: its rows are in the experiment's tables, and nothing needs its model.
    """

    run: Run
    options: Options
    collected: bool = False

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
        loaders = {"nnUNet_n_proc_DA": str(self.options.loaders)}
        return ONE_THREAD | found_from_anywhere() | loaders | {"nnUNet_results": str(self.run.results)}

    def steps(self) -> tuple[int, int | None]:
        return self.run.epochs_done(), self.run.epochs


@dataclass(frozen=True, kw_only=True)
class Commands:
    """Commands one after the other, by name; those that have ended well are not called again."""

    name: str
    folder: Path
    commands: dict[str, list[str]]
    cwd: Path = ROOT

    def finished(self) -> bool:
        return (self.folder / FILE).is_file()

    def prepare(self) -> None:
        """Nothing."""

    def command(self) -> list[str]:
        job = str(self.folder), str(self.cwd), json.dumps(self.commands)
        return [sys.executable, "-m", "experiments.commands", *job]

    def environment(self) -> dict[str, str]:
        return found_from_anywhere()

    def steps(self) -> tuple[int, int | None]:
        return len(list(self.folder.glob("*.done"))), len(self.commands)


@dataclass(frozen=True, kw_only=True)
class Prediction(Commands):
    """With the model of a run."""

    run: Run
    dataset: str
    images: Path
    collected: bool

    def finished(self) -> bool:
        """Predictions of an earlier training of the run are none of this one's."""
        trained, note = self.run.is_finished(), self.folder / FILE
        if self.collected or not (trained and note.is_file()):
            return self.collected
        return note.stat().st_mtime >= (self.run.fold_folder() / FILE).stat().st_mtime

    def prepare(self) -> None:
        if (self.folder / FILE).is_file():
            for path in self.folder.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
                elif path.suffix == ".done" or path.name == FILE:
                    path.unlink()
        if self.images.parent == self.folder:
            copy_validation(self.dataset, self.run.fold, self.images, self.folder / "labels")
        else:
            check_held_out(self.dataset, self.run.fold, self.images)

    def environment(self) -> dict[str, str]:
        return super().environment() | {"nnUNet_results": str(self.run.results)}


@dataclass(frozen=True, kw_only=True)
class Measurement(Commands):
    """Attributes: tables: while these are there nothing is measured again."""

    tables: list[Path]
    run: Run | None

    def finished(self) -> bool:
        return all(path.is_file() for path in self.tables) if self.tables else super().finished()

    def prepare(self) -> None:
        for mark in [*self.folder.glob("*.done"), self.folder / FILE]:
            mark.unlink(missing_ok=True)

    def environment(self) -> dict[str, str]:
        model = {"nnUNet_results": str(self.run.results)} if self.run else {}
        return super().environment() | model


def found_from_anywhere() -> dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}


def is_collected(run: Run, table: Path, model: str = "model") -> bool:
    """Whether a table has rows of the run, of whatever commit; `model` as in `Predict`."""
    columns = [
        c for c in columns_of(table, []) if c in OF_RUN and c != "commit" and (c, model) != ("model", "way")
    ]
    row = of_run(run)
    wanted = row_key(row | {"model": row.get(model, "")}, columns)
    return any(row_key(row, columns) == wanted for row in read_csv(table))


def trainings(name: str, experiment: Experiment, options: Options) -> list[Training]:
    """Each run once, though several groups, predictions or measurements need it."""
    jobs: dict[str, Training] = {}
    for group in experiment.runs:
        tables = [
            RESULTS / name / table for table, collector in group.into.items() if collector not in GROWING
        ]
        runs, followed = experiment.runs_of(group, RESULTS / name), set()
        for run in reversed(runs):
            done = tables and not options.again and all(is_collected(run, table) for table in tables)
            collected = bool(done) and run.index not in followed
            followed |= set() if collected else {run.after}
            before = jobs.get(run.index)
            jobs[run.index] = Training(run, options, collected and (before is None or before.collected))
        jobs = {run.index: jobs[run.index] for run in runs} | jobs
    users = [*predictions(name, experiment, options), *measurements(name, experiment, options)]
    for job in users:
        if job.run and not job.finished():
            jobs[job.run.index] = Training(job.run, options)
    return list(jobs.values())


def predictions(name: str, experiment: Experiment, options: Options) -> list[Prediction]:
    return [
        _prediction(name, predict, run, options) for predict in experiment.predict for run in predict.runs()
    ]


def prediction_folder(name: str, run: Run) -> Path:
    return results() / name / run.index


def _prediction(name: str, predict: Predict, run: Run, options: Options) -> Prediction:
    """Every way, and then the comparison of all."""
    folder, dataset = prediction_folder(name, run), predict.of.dataset
    raw = Path(os.environ.get("nnUNet_raw", "nnUNet_raw"), dataset)
    images = folder / "images" if predict.images == "validation" else raw / predict.images
    model = ["-d", dataset, "-tr", run.trainer, "-p", run.plans, "-c", run.configuration, "-f", str(run.fold)]
    model += ["-i", str(images), "-npp", "1", "-nps", "1", "-device", options.device]
    commands = {
        way: [*shlex.split(command), *model, "-o", str(folder / way)] for way, command in predict.ways.items()
    }
    truth = raw / predict.truth
    if predict.truth == "validation" or predict.truth in predict.ways:
        truth = folder / ("labels" if predict.truth == "validation" else predict.truth)
    compared = [f"{way}={folder / way}" for way in predict.ways if way != predict.truth]
    compare = ["nnunet-slice-attention", "compare", "--predictions", *compared, "--truth", str(truth)]
    commands["compare"] = [*compare, "--group", predict.of.patient, "-o", str(folder / "compared")]
    return Prediction(
        name=f"{name}: {run.index}",
        folder=folder,
        commands=commands,
        run=run,
        dataset=dataset,
        images=images,
        collected=not options.again and is_collected(run, RESULTS / name / predict.into, predict.model),
    )


def measurement_folder(name: str, measure: Measure) -> Path:
    return results() / name / Path(next(iter(measure.into))).stem


def measurements(name: str, experiment: Experiment, options: Options) -> list[Measurement]:
    jobs = []
    for measure in experiment.measure:
        folder, run = measurement_folder(name, measure), next(iter(measure.runs()), None)
        fields = {"out": folder / "out", "device": options.device, "trainer": run.trainer if run else ""}
        command = shlex.split(measure.command.format(**fields))
        command = [sys.executable if word == "python" else word for word in command]
        jobs.append(
            Measurement(
                name=f"{name}: {', '.join(measure.into)}",
                folder=folder,
                commands={"measure": command},
                cwd=RESULTS / name,
                tables=[] if options.again else [RESULTS / name / table for table in measure.into],
                run=run,
            )
        )
    return jobs

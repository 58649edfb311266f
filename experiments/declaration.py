"""What an experiment is: its data, arms, runs, what is read from each run, and the questions its page answers."""

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .budget import planned_iterations
from .collectors import Collector
from .csv_rows import Rows
from .run import Run
from .run_list import check_places, read_runs

RESULTS = Path(__file__).parents[1] / "benchmark_results"


@dataclass(frozen=True)
class Runs:
    """Training runs: each arm on each fold from each seed.

    Attributes:
        into: CSV file of the experiment's folder, and what collects its rows.
        arms: None takes all.
        listed: CSV with one row per run, see `run.Run`; in place of arms, folds and seeds, or, with `of_2d`, where the
            iterations are noted once they are planned.
        of_2d: each arm trains for the process time of so many iterations of nnU-Net 2D, in equally long epochs.
        steps: CSV of what a step costs, see `benchmark_results/equal_time/step_cost.py`.
        dataset, plans, precision: other ones than the experiment's.
    """

    into: Mapping[str, Collector]
    arms: Sequence[str] | None = None
    folds: Sequence[int] = (0,)
    seeds: Sequence[int] = (0,)
    listed: str = ""
    of_2d: int = 0
    steps: str = ""
    dataset: str = ""
    plans: str = ""
    precision: str = ""


@dataclass(frozen=True)
class Predict:
    """Prediction in several ways with arms of an experiment, compared with true segmentations.

    Attributes:
        into: CSV file of the comparison's rows.
        of: trains the arms that are not trained yet.
        arms: with fold 0 and seed 0.
        listed: CSV with one row per run, see `run.Run`; in place of arms.
        ways: name of a way, and its command; input, output, model and device are added.
        images: folder of the raw data set, or "validation" for the images of the fold's validation.
        truth: folder of the raw data set, "validation", or the name of a way.
        model: what the table's column `model` holds: the "way", or the run's "trainer" or "model".
    """

    into: str
    of: "Experiment"
    arms: Sequence[str] = ()
    ways: Mapping[str, str] = field(default_factory=dict)
    images: str = "validation"
    truth: str = "validation"
    model: str = "model"
    listed: str = ""

    def runs(self, folder: Path) -> list[Run]:
        """`folder`: that of the experiment which predicts."""
        return self.of.runs_of(Runs({}, self.arms, listed=self.listed), folder)


@dataclass(frozen=True)
class Measure:
    """A command of its own, called in the experiment's folder.

    Attributes:
        into: CSV files, and what reads their rows from the scratch folder; None for one that the command writes itself.
        command: may hold {out}, a scratch folder that stays, {device} and, with a model, {trainer}.
        of, arm: whose model of fold 0 and seed 0 it needs, trained first if it is not yet.
    """

    into: Mapping[str, Callable[[Path], Rows] | None]
    command: str
    of: "Experiment | None" = None
    arm: str = ""

    def runs(self) -> list[Run]:
        return self.of.runs_of(Runs({}, [self.arm]), RESULTS) if self.of else []


@dataclass(frozen=True)
class Experiment:
    """A declared experiment.

    Attributes:
        dataset: nnU-Net's name, DatasetNNN_Name.
        arms: what the experiment calls a model, and its trainer, with the configuration if that is not 2d.
        epochs: None takes what the trainers' names say.
        iterations: training steps per epoch.
        precision: of training on a CPU, "single" or "bfloat16" mixed.
        patient: regular expression for the patient in a case's name.
        chosen_on: the fold on which something was chosen.
        questions: placeholder of text.md, and what answers it from the tables, beside `tables.COMMON`.
        figures: file, and what writes it from the tables when rows are collected.
    """

    questions: Mapping[str, Callable] = field(default_factory=dict)
    dataset: str = ""
    plans: str = "nnUNetCompactPlans"
    arms: Mapping[str, str] = field(default_factory=dict)
    runs: Sequence[Runs] = ()
    predict: Sequence[Predict] = ()
    measure: Sequence[Measure] = ()
    patient: str = r"(.+)"
    epochs: int | None = None
    iterations: int = 250
    precision: str = "single"
    chosen_on: int | None = None
    figures: Mapping[str, Callable] = field(default_factory=dict)

    @property
    def tables(self) -> list[str]:
        """The files of all rows, in the order of their declaration."""
        collected = [table for group in (*self.runs, *self.measure) for table in group.into]
        return collected + [predict.into for predict in self.predict]

    def model(self, arm: str) -> str:
        """What tables call an arm: TRAINER CONFIGURATION.

        Raises:
            ValueError: there is no such arm.
        """
        if arm not in self.arms:
            raise ValueError(f"{arm!r} is no arm of the experiment. Name one of: {', '.join(self.arms)}.")
        trainer, *configuration = self.arms[arm].split()
        return f"{trainer} {configuration[0] if configuration else '2d'}"

    def trainer(self, arm: str) -> str:
        return self.model(arm).split()[0]

    def runs_of(self, group: Runs, folder: Path) -> list[Run]:
        """In the order of their declaration: listed ones first."""
        listed = read_runs(folder / group.listed) if group.listed else []
        if group.listed and not group.of_2d:
            return listed
        done = {(run.name, run.fold, run.seed) for run in listed}
        arms = self.arms if group.arms is None else group.arms
        declared = [
            self._run(arm, fold, seed, group, folder)
            for seed in group.seeds
            for fold in group.folds
            for arm in arms
            if (arm, fold, seed) not in done
        ]
        return check_places([*listed, *declared], folder / group.listed)

    def _run(self, arm: str, fold: int, seed: int, group: Runs, folder: Path) -> Run:
        trainer, configuration = self.model(arm).split()
        dataset, plans = group.dataset or self.dataset, group.plans or self.plans
        model = int(dataset[7:10]), plans, configuration, trainer, fold, seed
        named = re.search(r"_(\d+)epochs$", trainer)
        if not (epochs := self.epochs or (int(named[1]) if named else 0)):
            raise ValueError(
                f"{trainer} does not say how many epochs it has. Declare the experiment's epochs."
            )
        iterations = self.iterations, None
        if group.of_2d:
            iterations = planned_iterations(
                trainer, configuration, folder / group.steps, group.of_2d / epochs
            )
        return Run(arm, *model, epochs, *iterations, precision=group.precision or self.precision)


def names() -> list[str]:
    return sorted(path.parent.name for path in RESULTS.glob("*/experiment.py"))


def load(name: str) -> Experiment:
    """Raise ValueError if none of this name is declared."""
    if name not in names():
        raise ValueError(
            f"there is no {RESULTS / name / 'experiment.py'}. Declare it, or name one of: {', '.join(names())}."
        )
    return importlib.import_module(f"benchmark_results.{name}.experiment").EXPERIMENT

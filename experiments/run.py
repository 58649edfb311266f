"""A training run: what trains on what, and where its results lie. Lists of runs as CSV, one row per run."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pandas as pd

from nnunet_slice_attention.files import read_json_or_empty

from .table import read_csv, write_csv

COLUMNS = (
    "name", "dataset", "plans", "configuration", "trainer", "fold", "seed", "epochs", "iterations", "iterations_later",
    "after",
)  # fmt: skip
NUMBERS = ("dataset", "fold", "seed", "epochs", "iterations", "iterations_later")
STOCK = "nnUNetTrainer"
PHASES = ("2d", "all", "2D phase", "with neighbours")  # as step_cost.py calls them, a trainer's 2D one first


@dataclass(frozen=True)
class Run:
    """Attributes:
    name: the arm.
    dataset: nnU-Net's number of it.
    epochs: of the whole training; each ends with a checkpoint.
    iterations: training steps per epoch; where the trainer has a 2D phase first, those of that phase.
    iterations_later: steps per epoch after the 2D phase; None if there is no such phase.
    after: index of the run that has to be finished first. The two share a results folder, where this run finds the
        other's model.
    results_of: index of the run whose results folder it is.
    precision: of training on a CPU, "single" or "bfloat16" mixed.
    """

    name: str
    dataset: int
    plans: str
    configuration: str
    trainer: str
    fold: int
    seed: int
    epochs: int
    iterations: int
    iterations_later: int | None = None
    after: str | None = None
    results_of: str = ""
    precision: str = "single"

    @property
    def index(self) -> str:
        """Unlike that of any other run, e.g. csa_d514_f0_s1_50x250."""
        run = f"{self.name}_d{self.dataset}_f{self.fold}_s{self.seed}"
        return f"{run}_{self.epochs}x{self.iterations}"

    @property
    def results(self) -> Path:
        return results() / (self.results_of or self.index)

    @property
    def model(self) -> str:
        return f"{self.trainer}__{self.plans}__{self.configuration}"

    def fold_folder(self) -> Path | None:
        """None before the run has begun; also where its trainer had another name when it was trained."""
        found = list(self.results.glob(f"Dataset{self.dataset:03d}_*/*__{self.plans}__*/fold_{self.fold}"))
        own = [folder for folder in found if folder.parent.name == self.model]
        return next(iter(own or filter(self._is_noted_in, found)), None)

    def _is_noted_in(self, folder: Path) -> bool:
        noted = read_json_or_empty(folder / "row.json")
        return noted.get("name") == self.name and noted.get("iterations") == self.iterations

    def is_finished(self) -> bool:
        """`made_with.json` is written last."""
        folder = self.fold_folder()
        return folder is not None and (folder / "made_with.json").is_file()

    def epochs_done(self) -> list[dict[str, str]]:
        """What is noted of each epoch; of a run under way too."""
        folder = self.fold_folder()
        return read_csv(folder / "process_time.csv") if folder else []

    def commits(self) -> str:
        """Of the source that trained it."""
        return "+".join(dict.fromkeys(row["commit"] for row in self.epochs_done()))

    def cells(self) -> dict[str, str]:
        """What tables say of the run, except its commits."""
        columns = "name", "trainer", "dataset", "fold", "seed", "epochs", "iterations"
        own = {column: str(getattr(self, column)) for column in columns}
        return own | {"model": f"{self.trainer} {self.configuration}"}

    def is_collected(self, table: Path, model: str = "model") -> bool:
        """Whether a table has rows of the run, of whatever commit; `model` as in `Predict`."""
        own = self.cells()
        own["model"] = own.get(model, "")
        told_by = own.keys() - ({"model"} if model == "way" else set())
        return any(all(row.get(key, own[key]) == own[key] for key in told_by) for row in read_csv(table))

    def row(self) -> dict:
        """What the run's folder notes of it."""
        row = asdict(self)
        return row if self.precision != "single" else {key: row[key] for key in row if key != "precision"}


def results() -> Path:
    """Raise ValueError if nnU-Net's variable is not set."""
    if not os.environ.get("nnUNet_results"):
        raise ValueError("nnUNet_results is not set. Export the folder for the results, as for nnU-Net.")
    return Path(os.environ["nnUNet_results"])


def read_runs(path: Path) -> list[Run]:
    """The runs of a list; none if it is not there.

    Raises:
        ValueError: a column is missing or unknown, a number is none, or what `check_places` refuses.
    """
    runs = []
    for line, row in enumerate(read_csv(path), 2):
        try:
            runs.append(Run(**{key: int(v) if key in NUMBERS else v for key, v in row.items() if v}))
        except (TypeError, ValueError) as error:
            columns = ", ".join(COLUMNS)
            raise ValueError(
                f"{path}, line {line}: {error}. The columns are {columns}; precision is optional."
            ) from error
    return check_places(runs, path)


def check_places(runs: Iterable[Run], origin: Path) -> list[Run]:
    """The runs, those that come after another one in its results folder.

    Raises:
        ValueError: two runs are the same or would write to one folder, or `after` names no earlier run.
    """
    known: dict[str, Run] = {}
    places: dict[tuple, Run] = {}
    for run in runs:
        first = known.get(run.after)
        if run.after and not first:
            raise ValueError(
                f"{origin}: {run.index} comes after {run.after}, which is no run further up. Name one of: "
                f"{', '.join(known) or 'none yet'}."
            )
        run = replace(run, results_of=first.results_of if first else run.index)
        place = run.results_of, run.dataset, run.model, run.fold
        if other := known.get(run.index) or places.get(place):
            raise ValueError(
                f"{origin}: {run.index} would write to the folder of {other.index}. Remove one of the two or give it "
                "another name; runs after the same run need different trainers."
            )
        known[run.index] = places[place] = run
    return list(known.values())


def write_runs(path: Path, runs: Sequence[Run]) -> None:
    columns = [*COLUMNS, *(["precision"] if any(run.precision != "single" for run in runs) else [])]
    write_csv(path, columns, ({column: getattr(run, column) for column in columns} for run in runs))


def loaded_ratios(steps: Path) -> pd.DataFrame:
    """The cost of a step with its data loading, times 2D's of the same round: a column for each (trainer, phase)."""
    table = pd.read_csv(steps)
    seconds = table.assign(seconds=table.load_s + table.step_s)
    seconds = seconds.pivot(index="round", columns=["trainer", "phase"], values="seconds")
    return seconds.div(seconds[STOCK, "2d"], axis="index")


def planned_iterations(trainer: str, configuration: str, steps: Path, of_2d: float) -> tuple[int, int | None]:
    """Steps per epoch, and those after the 2D phase if there is one, in the process time of `of_2d` steps of 2D.

    Raises:
        ValueError: the trainer's steps were not measured.
    """
    ratios = loaded_ratios(steps).median() if steps.is_file() else {}
    is_reference = (trainer, configuration) == (STOCK, "2d")
    own = [(trainer, phase) for phase in PHASES if (phase == "2d") == is_reference]
    found = [round(of_2d / ratios[step]) for step in own if step in ratios]
    if not found:
        raise ValueError(
            f"{steps} has no steps of {trainer} {configuration}. Measure them with step_cost.py."
        )
    return found[0], found[1] if len(found) == 2 else None

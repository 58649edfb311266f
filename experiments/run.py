"""A training run: what trains on what, and where its results lie. Lists of runs as CSV, one row per run."""

import csv
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path
from statistics import median

INTEGERS = ("dataset", "fold", "seed", "epochs", "iterations", "iterations_later")
NOT_LISTED = ("results_of", "precision")
STOCK = "nnUNetTrainer"
PHASES = (
    "2d",
    "all",
    "2D phase",
    "with neighbours",
)  # of a trainer, as step_cost.py calls them, the 2D one first


@dataclass(frozen=True)
class Run:
    """A row of a list.

    Attributes:
        name: the arm.
        dataset: nnU-Net's number of it.
        epochs: of the whole training; each ends with a checkpoint.
        iterations: training steps per epoch; where the trainer has a 2D phase first, those of that phase.
        iterations_later: steps per epoch after the 2D phase; None if there is no such phase.
        after: index of the run that has to be finished first, a row further up. The two share a results folder, where
            this run finds the other's model.
        results_of: index of the run whose results folder it is; not a column.
        precision: of training on a CPU, "single" or "bfloat16" mixed; not a column.
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
        of_run = f"{self.name}_d{self.dataset}_f{self.fold}_s{self.seed}"
        return f"{of_run}_{self.epochs}x{self.iterations}"

    @property
    def results(self) -> Path:
        return results() / (self.results_of or self.index)

    @property
    def model(self) -> str:
        return f"{self.trainer}__{self.plans}__{self.configuration}"

    def fold_folder(self) -> Path | None:
        """None before the run has begun."""
        return next(self.results.glob(f"Dataset{self.dataset:03d}_*/{self.model}/fold_{self.fold}"), None)

    def is_finished(self) -> bool:
        """`made_with.json` is written last."""
        folder = self.fold_folder()
        return folder is not None and (folder / "made_with.json").is_file()

    def epochs_done(self) -> int:
        folder = self.fold_folder()
        noted = folder / "process_time.csv" if folder else None
        return len(noted.read_text().splitlines()) - 1 if noted and noted.is_file() else 0

    def row(self) -> dict:
        """What the run's folder notes of it."""
        row = asdict(self)
        if self.precision == "single":
            del row["precision"]
        return row


def results() -> Path:
    """Raise ValueError if nnU-Net's variable is not set."""
    if not os.environ.get("nnUNet_results"):
        raise ValueError("nnUNet_results is not set. Export the folder for the results, as for nnU-Net.")
    return Path(os.environ["nnUNet_results"])


COLUMNS = [column for column in fields(Run) if column.name not in NOT_LISTED]


def read_runs(path: Path) -> list[Run]:
    """The rows of a list; none if it is not there.

    Raises:
        ValueError: a column is missing or unknown, a value is no number, or what `check_places` refuses.
    """
    if not path.is_file():
        return []
    required = {column.name for column in COLUMNS if column.default is MISSING}
    known = [column.name for column in COLUMNS]
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        header = set(reader.fieldnames or ())
        if wrong := (required - header) | (header - set(known)):
            raise ValueError(
                f"{path}: column(s) {', '.join(sorted(wrong))} missing or unknown. A list of runs has the columns "
                f"{', '.join(known)}; the last two may be left out."
            )
        rows = [_checked(row, required, f"{path}, line {reader.line_num}") for row in reader]
    return check_places([Run(**row) for row in rows], path)


def _checked(row: dict, required: set[str], where: str) -> dict[str, str | int]:
    """The cells of a row that are not empty, numbers as such."""
    if None in row:
        raise ValueError(f"{where}: {row[None]} is beyond the last column. Remove it, or a comma too many.")
    values: dict[str, str | int] = {k: v.strip() for k, v in row.items() if v and v.strip()}
    if absent := required - set(values):
        raise ValueError(f"{where}: {', '.join(sorted(absent))} is empty. Fill it in.")
    for column in set(INTEGERS) & set(values):
        if not values[column].isdecimal():
            raise ValueError(f"{where}: {column} is {values[column]!r}. Give a whole number.")
        values[column] = int(values[column])
    return values


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
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        names = [column.name for column in COLUMNS]
        writer.writerow(names)
        writer.writerows([getattr(run, name) for name in names] for run in runs)


def loaded_ratios(steps: Path) -> dict[tuple[str, str], list[float]]:
    """{(trainer, phase): the cost of a step with its data loading, as a multiple of 2D's, in each round}"""
    seconds = defaultdict(dict)
    with steps.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            step = float(row["load_s"]) + float(row["step_s"])
            seconds[row["trainer"], row["phase"]][row["round"]] = step
    reference = seconds[STOCK, "2d"]
    return {key: [own[r] / reference[r] for r in own] for key, own in seconds.items()}


def planned_iterations(trainer: str, steps: Path, of_2d: float) -> tuple[int, int | None]:
    """Steps per epoch, and those after the 2D phase if there is one, in the process time of `of_2d` steps of 2D.

    Raises:
        ValueError: the trainer's steps were not measured.
    """
    ratios = loaded_ratios(steps)
    found = [round(of_2d / median(ratios[trainer, phase])) for phase in PHASES if (trainer, phase) in ratios]
    if not found:
        raise ValueError(f"{steps} has no steps of {trainer}. Measure them with step_cost.py.")
    return found[0], found[1] if len(found) == 2 else None

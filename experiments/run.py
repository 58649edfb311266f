"""A training run: what trains on what, and where its results lie."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path

from nnunet_slice_attention.files import read_json_or_empty

from .csv_rows import read_csv
from .made_with import FILE

# In the fold's folder: the run's row, what each epoch took, and the Dice of a few cases at some epochs.
ROW, PROCESS_TIME, CURVE = "row.json", "process_time.csv", "curve.csv"
SINGLE = "single"


@dataclass(frozen=True)
class Run:
    """One training run.

    Attributes:
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
    precision: str = SINGLE

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
        noted = read_json_or_empty(folder / ROW)
        return noted.get("name") == self.name and noted.get("iterations") == self.iterations

    def is_finished(self) -> bool:
        """`made_with.json` is written last. False if what is there is a run of the same index, declared otherwise."""
        folder = self.fold_folder()
        if folder is None or not (folder / FILE).is_file():
            return False
        return not self.begun_otherwise(folder).keys() - {"trainer"}  # which may have been renamed

    def begun_otherwise(self, folder: Path) -> dict[str, tuple]:
        """Where a fold's folder notes the run as another than is declared now: {name: (noted, now)}."""
        if not (noted := read_json_or_empty(folder / ROW)):
            return {}
        now = asdict(self)
        noted = now | {"precision": SINGLE} | noted
        return {name: (noted[name], now[name]) for name in now if noted[name] != now[name]}

    def epochs_done(self) -> list[dict[str, str]]:
        """What is noted of each epoch; of a run under way too."""
        folder = self.fold_folder()
        return read_csv(folder / PROCESS_TIME) if folder else []

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
        return row if self.precision != SINGLE else {key: row[key] for key in row if key != "precision"}


def results() -> Path:
    """Raise ValueError if nnU-Net's variable is not set."""
    if not os.environ.get("nnUNet_results"):
        raise ValueError("nnUNet_results is not set. Export the folder for the results, as for nnU-Net.")
    return Path(os.environ["nnUNet_results"])

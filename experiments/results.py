"""What questions are asked of: an experiment and its committed tables. Needs no torch."""

from collections import Counter
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TypeAlias

import pandas as pd

from nnunet_slice_attention.files import read_json_or_empty

from .csv_rows import OF_ROW, OF_RUN, read_csv, row_key
from .declaration import Experiment
from .made_with import FILE, sentence

CASES = "cases.csv"
TEXTS = dict.fromkeys(("name", "case", "structure", "commit", "commits", "losses", "online"), str)
NOT_RECORDED = "Versions and hardware were not recorded"


def latest(table: pd.DataFrame) -> pd.DataFrame:
    """Each row once; of several commits of a run those that were collected last."""
    key = [column for column in (*OF_RUN, *OF_ROW) if column in table and column != "commit"]
    return table.drop_duplicates(key, keep="last" if "commit" in table else "first")


class Results:
    """An experiment's committed tables."""

    def __init__(self, folder: Path, experiment: Experiment):
        self.experiment, self.folder = experiment, folder

    def has(self, file: str) -> bool:
        return (self.folder / file).is_file()

    def table(self, file: str) -> pd.DataFrame:
        """Raise ValueError if it is not there yet."""
        path = self.folder / file
        if not path.is_file():
            raise ValueError(
                f"there is no {path} yet. Call `python -m experiments run {self.folder.name}` first."
            )
        return pd.read_csv(path, dtype=TEXTS)

    def cases(self, file: str = CASES) -> pd.DataFrame:
        """A table with one row per case and structure, with the columns `model` and `patient` in any case."""
        table = self.table(file)
        if "structure" not in table:
            known = [column for column in table if column in (*OF_RUN, *OF_ROW)]
            table = table.melt(known, var_name="structure", value_name="dice")
        patient = table.case.str.extract(self.experiment.patient, expand=False)
        model = table.get("model", table.get("trainer", table.get("name")))
        return table.assign(model=model, patient=table.get("patient", patient))

    def hardware(self, file: str) -> list[str]:
        """What each row of a table was measured on; "" if its run has no note."""
        notes = read_json_or_empty(self.folder / FILE)
        rows = read_csv(self.folder / file)
        return [notes.get(row_key(row, list(row)), {}).get("hardware", "") for row in rows]

    def made_with(self, file: str) -> str:
        """What the rows of a table were made with, by their run's key or its name; runs without a note are counted."""
        path, notes = self.folder / file, read_json_or_empty(self.folder / FILE)
        runs = {row_key(row, list(row)): None for row in read_csv(path)}
        noted = [notes.get(run) or notes.get(file) for run in runs]
        counted = Counter(sentence(note) if note else NOT_RECORDED for note in noted)
        if len(counted) == 1:
            return next(iter(counted))
        return ". ".join(f"{made} ({count} of {len(runs)} runs)" for made, count in counted.items())


Question: TypeAlias = Callable[[Results], object]


def question(answer: Callable[..., object]) -> Callable[..., Question]:
    """Decorates `answer(results, ...)`: called with the rest it gives a question."""
    return wraps(answer)(lambda *rest, **options: lambda results: answer(results, *rest, **options))

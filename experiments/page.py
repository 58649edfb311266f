"""An experiment's page: its prose, `text.md`, with what its questions find in the tables. Needs no torch."""

import re
import string
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import pandas as pd

from nnunet_slice_attention.files import read_json_or_empty

from .declaration import Experiment
from .made_with import FILE, sentence
from .table import columns_of, read_csv, row_key

TEXTS = dict.fromkeys(("name", "case", "structure", "commit", "commits", "losses", "online"), str)
NOT_RUN = "Not run yet."
NOT_RECORDED = "Versions and hardware were not recorded"


class Results:
    """What questions are asked of: the experiment and its committed tables."""

    def __init__(self, folder: Path, experiment: Experiment):
        self.experiment, self.folder = experiment, folder
        self._tables: dict[str, pd.DataFrame] = {}

    def has(self, file: str) -> bool:
        return (self.folder / file).is_file()

    def table(self, file: str) -> pd.DataFrame:
        """Raise ValueError if it is not there yet."""
        if not self.has(file):
            raise ValueError(
                f"there is no {self.folder / file} yet. Call `python -m experiments run {self.folder.name}` first."
            )
        if file not in self._tables:
            self._tables[file] = pd.read_csv(self.folder / file, dtype=TEXTS)
        return self._tables[file]

    @cached_property
    def notes(self) -> dict[str, dict[str, str]]:
        """`made_with.json`: versions, commit and hardware by the key of a run's rows, or by a table's name."""
        return read_json_or_empty(self.folder / FILE)

    def made_with(self, file: str) -> str:
        """What the rows of a table were made with; runs of which it is not known are counted."""
        path = self.folder / file
        columns = columns_of(path, [])
        runs = dict.fromkeys(row_key(row, columns) for row in read_csv(path))
        noted = [self.notes.get(run) or self.notes.get(file) for run in runs]
        counted = Counter(sentence(note) if note else NOT_RECORDED for note in noted)
        if len(counted) == 1:
            return next(iter(counted))
        return ". ".join(f"{made} ({count} of {len(runs)} runs)" for made, count in counted.items())


Question: TypeAlias = Callable[[Results], object]


def made_with(file: str) -> Question:
    return lambda results: results.made_with(file)


def render(folder: Path, experiment: Experiment) -> str:
    """The page's text.

    Raises:
        ValueError: there is no text.md, or it has a placeholder that no question answers.
    """
    path = folder / "text.md"
    if not path.is_file():
        raise ValueError(
            f"there is no {path}. Write it: prose with a placeholder, {{name}}, for each question."
        )
    text = path.read_text(encoding="utf-8")
    wanted = {re.split(r"[.\[]", name)[0] for _, name, _, _ in string.Formatter().parse(text) if name}
    if missing := sorted(wanted - set(experiment.questions)):
        raise ValueError(
            f"{path} has the placeholder {{{missing[0]}}}, which no question of experiment.py answers. Those are: "
            f"{', '.join(experiment.questions) or 'none'}."
        )
    results = Results(folder, experiment)
    return text.format(**{name: experiment.questions[name](results) for name in wanted})


def draw(folder: Path, experiment: Experiment) -> list[str]:
    """Write the experiment's figures, a line for each; apart from the page, since their modules import torch."""
    figures = experiment.figures if any(folder.glob("*.csv")) else {}
    for file, figure in figures.items():
        figure(Results(folder, experiment), folder / file)
    return [f"{folder / file}: written" for file in figures]

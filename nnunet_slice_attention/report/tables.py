"""A table for Markdown and the HTML template, and the formats of its cells and notes."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Table:
    """Cells are text; `note` explains them: units, n, and what is in brackets."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def markdown(self) -> str:
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        table = "\n".join(f"| {' | '.join(_escaped(cell) for cell in line)} |" for line in lines)
        return f"## {self.title}\n\n{self.note}\n\n{table}\n"


def _escaped(cell: str) -> str:
    return cell.replace("|", r"\|").replace("\n", " ")


def mean_sd(values: Iterable[float], digits: int = 3) -> str:
    """E.g. "0.912 ± 0.031"; no SD for a single value, "n/a" for none. NaN is left out."""
    values = _without_nan(values)
    if not len(values):
        return "n/a"
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{values.mean():.{digits}f} ± {values.std(ddof=1):.{digits}f}"


def median_iqr(values: Iterable[float]) -> str:
    """E.g. "0.912 [0.880, 0.935]" with quartiles in brackets; "n/a" for no value. NaN is left out."""
    values = _without_nan(values)
    if not len(values):
        return "n/a"
    low, middle, high = np.percentile(values, (25, 50, 75))
    return f"{middle:.3f} [{low:.3f}, {high:.3f}]"


def number(value: float, form: str) -> str:
    """The value in a format such as ".3g"; "n/a" for NaN."""
    return "n/a" if np.isnan(value) else f"{value:{form}}"


def in_each_folder(folders: int) -> str:
    """For a note on pooled volumes, which count once per results folder; empty for a single folder."""
    return f", each in {folders} results folders" if folders > 1 else ""


def _without_nan(values: Iterable[float]) -> np.ndarray:
    values = np.asarray(list(values), float)
    return values[~np.isnan(values)]

"""One table, as Markdown and as rows for the HTML template."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Table:
    """Cells of text; `note` says what they are: the unit, n, and what stands in brackets."""

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
    """ "0.912 ± 0.031"; without SD for a single value, "n/a" for none. NaN is left out."""
    values = _numbers(values)
    if not len(values):
        return "n/a"
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{values.mean():.{digits}f} ± {values.std(ddof=1):.{digits}f}"


def median_iqr(values: Iterable[float], digits: int = 3) -> str:
    """ "0.912 [0.880, 0.935]", the brackets holding the quartiles; "n/a" for none. NaN is left out."""
    values = _numbers(values)
    if not len(values):
        return "n/a"
    low, middle, high = np.percentile(values, (25, 50, 75))
    return f"{middle:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def number(value: float, form: str) -> str:
    """The value in a format as ".3g"; "n/a" for NaN."""
    return "n/a" if np.isnan(value) else f"{value:{form}}"


def _numbers(values: Iterable[float]) -> np.ndarray:
    values = np.asarray(list(values), float)
    return values[~np.isnan(values)]

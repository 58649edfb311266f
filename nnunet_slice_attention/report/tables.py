"""A table for Markdown and the HTML template, and the formats of its cells and notes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

import numpy as np

STRUCTURE = "structure"  # a first column of this name divides the rows of the HTML table
NUMBER = re.compile(r"(< |[+-])?\d|n/a")


@dataclass(frozen=True)
class Table:
    """Cells are text; `note` explains them: units, n, and what is in brackets."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def markdown(self) -> str:
        rule = ["---:" if numeric(column) else "---" for column in zip(*self.rows, strict=True)]
        lines = [self.columns, rule or ["---"] * len(self.columns), *self.rows]
        table = "\n".join(f"| {' | '.join(_escaped(cell) for cell in line)} |" for line in lines)
        return f"## {self.title}\n\n{self.note}\n\n{table}\n"

    @property
    def divided(self) -> bool:
        return self.columns[0] == STRUCTURE

    @property
    def shown(self) -> tuple[str, ...]:
        """The columns of the HTML table, in which a structure is a heading above its rows."""
        return self.columns[1:] if self.divided else self.columns

    @property
    def groups(self) -> list[tuple[str, list[tuple[str, ...]]]]:
        """(structure, cells of its rows), in row order; one group named "" without a column of structures."""
        if not self.divided:
            return [("", list(self.rows))]
        by_structure = groupby(self.rows, key=lambda row: row[0])
        return [(structure, [row[1:] for row in rows]) for structure, rows in by_structure]

    @property
    def numeric(self) -> list[bool]:
        """Whether a shown column is set flush right."""
        return [
            numeric(column) for column in zip(*(row for _, rows in self.groups for row in rows), strict=True)
        ]


def numeric(column: Iterable[str]) -> bool:
    """Whether every cell begins with a number; blank ones do not count, if there are others."""
    cells = [cell for cell in column if cell]
    return bool(cells) and all(NUMBER.match(cell) for cell in cells)


def _escaped(cell: str) -> str:
    return cell.replace("|", r"\|").replace("\n", " ")


def mean_sd(values: Iterable[float], digits: int = 3) -> str:
    """E.g. "0.912 ± 0.031"; no SD for a single value, "n/a" for none. NaN is left out."""
    values = _without_nan(values)
    if not len(values):
        return "n/a"
    if len(values) == 1:
        return _rounded(values[0], digits)
    return f"{_rounded(values.mean(), digits)} ± {values.std(ddof=1):.{digits}f}"


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


def p_value(p: float) -> str:
    """Three decimals, "< 0.001" below; four where three would not show on which side of 0.05 it is; "n/a" for NaN."""
    if np.isnan(p):
        return "n/a"
    if p < 0.001:
        return "< 0.001"
    return text if (text := f"{p:.3f}") != "0.050" else f"{p:.4f}"


def minus_signs(text: str) -> str:
    """With a minus sign, as wide as a plus, where a hyphen is before a number but not within a word or a range."""
    return re.sub(r"(?<![\w.-])-(?=\d)", "\N{MINUS SIGN}", text)


def in_each_folder(folders: int) -> str:
    """For a note on pooled volumes, which count once per results folder; empty for a single folder."""
    return f", each in {folders} results folders" if folders > 1 else ""


def _rounded(value: float, digits: int) -> str:
    """Without the sign of what rounds to zero."""
    text = f"{value:.{digits}f}"
    return text if float(text) else text.lstrip("-")


def _without_nan(values: Iterable[float]) -> np.ndarray:
    values = np.asarray(list(values), float)
    return values[~np.isnan(values)]

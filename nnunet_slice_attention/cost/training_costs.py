"""Reading what the command `cost` has measured."""

import re
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from ..spreadsheet import read_rows

COLUMNS = ("model", "step_s", "slices_per_step")


def training_costs(table: Path, models: Sequence[str]) -> dict[str, float]:
    """Median milliseconds of a training step a slice; a model's schedule (`_50epochs`) does not change it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the table has none of the models, lacks a column, or a line of it is damaged.
    """
    if not table.is_file():
        raise FileNotFoundError(f"--cost {table} is no file. Give the cost.csv that the verb cost wrote.")
    again = "Measure again with the verb cost."
    header, *rows = read_rows(table) or [[]]
    if missing := [name for name in COLUMNS if name not in header]:
        raise ValueError(f"{table} has no column {', '.join(missing)}. {again}")
    steps = []
    for line, row in enumerate(rows, 2):
        cells = dict(zip(header, row, strict=False))
        try:
            steps.append((cells["model"], float(cells["step_s"]) / float(cells["slices_per_step"])))
        except (KeyError, ValueError, ZeroDivisionError):
            raise ValueError(f"{table}, line {line} is damaged: {','.join(row)}. {again}") from None
    found = {}
    for model in models:
        names = {model, re.sub(r"_\d+epochs?(?=__)", "", model)}
        if measured := [seconds for name, seconds in steps if name in names]:
            found[model] = 1000 * median(measured)
    if not found:
        raise ValueError(f"{table} has none of the models {', '.join(models)}.")
    return found

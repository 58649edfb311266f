"""Reads the results of the command `cost`."""

import re
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from ..spreadsheet import read_rows

COLUMNS = ("model", "schedule_s")


def training_costs(table: Path, models: Sequence[str]) -> dict[str, float]:
    """Median milliseconds of a training step with data loading, averaged over the schedule.

    It does not depend on the schedule's length: a model without a suffix such as `_50epochs` counts for all.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the table has none of the models, lacks a column, or has a damaged line.
    """
    if not table.is_file():
        raise FileNotFoundError(
            f"--cost {table} is not a file. Give the cost.csv written by the command cost."
        )
    again = "Measure again with the command cost."
    header, *rows = read_rows(table) or [[]]
    if missing := [name for name in COLUMNS if name not in header]:
        raise ValueError(f"{table} has no column {', '.join(missing)}. {again}")
    steps = []
    for line, row in enumerate(rows, 2):
        cells = dict(zip(header, row, strict=False))
        try:
            steps.append((cells["model"], float(cells["schedule_s"])))
        except (KeyError, ValueError):
            raise ValueError(f"{table}, line {line} is damaged: {','.join(row)}. {again}") from None
    found = {}
    for model in models:
        names = {model, re.sub(r"_\d+epochs?(?=__)", "", model)}
        if measured := [seconds for name, seconds in steps if name in names]:
            found[model] = 1000 * median(measured)
    if not found:
        raise ValueError(f"{table} has none of the models {', '.join(models)}. {again}")
    return found

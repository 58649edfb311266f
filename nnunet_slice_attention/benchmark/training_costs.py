"""Reading what the verb `cost` has measured."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from statistics import median

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
    with table.open(newline="", encoding="utf-8", errors="replace") as file:
        reader = csv.DictReader(file)
        if missing := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
            raise ValueError(f"{table} has no column {', '.join(missing)}. {again}")
        steps = []
        for row in reader:
            try:
                steps.append((row["model"], float(row["step_s"]) / float(row["slices_per_step"])))
            except (TypeError, ValueError, ZeroDivisionError):
                raise ValueError(f"{table}, line {reader.line_num} is damaged. {again}") from None
    found = {}
    for model in models:
        names = {model, re.sub(r"_\d+epochs?(?=__)", "", model)}
        if of_model := [seconds for name, seconds in steps if name in names]:
            found[model] = 1000 * median(of_model)
    if not found:
        raise ValueError(f"{table} has none of the models {', '.join(models)}.")
    return found

"""Reads CSV files written by the package."""

import csv
from pathlib import Path


def rows_of(folder: Path, name: str = "cases.csv") -> list[dict]:
    with (folder / name).open(newline="") as file:
        return list(csv.DictReader(file))

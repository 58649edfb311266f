"""The files of a comparison: `cases.csv`, and with their data `froc.csv` and `boxes.csv`."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..files import write_text

RESULTS = ("cases.csv", "froc.csv", "boxes.csv", "manifest.json", "report.md", "report.html")
KEYS = ("model", "run", "case", "structure")  # of a row; `run` only with several
TEXTS = (*KEYS, "patient")


def take_froc(rows: Sequence[dict]) -> list[dict]:
    """Moves the counts at each threshold out of the rows of cases, into rows of their own."""
    return [_keys(row) | counts for row in rows for counts in row.pop("froc", ())]


def take_detection(rows: Sequence[dict]) -> list[dict]:
    """Moves the boxes out of the rows of cases; one row per case and structure, with its boxes."""
    return [_keys(row, "patient", "slices") | {"boxes": row.pop("boxes")} for row in rows if "boxes" in row]


def write_tables(output: Path, rows: list[dict], froc: list[dict], detected: Sequence[dict]) -> None:
    boxes = [_keys(case) | box for case in detected for box in case["boxes"]]
    for name, table in {"cases.csv": rows, "froc.csv": froc, "boxes.csv": boxes}.items():
        if table:
            _write_csv(output / name, table)


def read_cases(path: Path) -> pd.DataFrame:
    """`cases.csv`: names as they are, such as 001, 1e3 or NA; in other columns NaN where a value is undefined."""
    values = [column for column in pd.read_csv(path, nrows=0) if column not in TEXTS]
    undefined = {column: ["", "nan"] for column in values}
    return pd.read_csv(path, dtype=dict.fromkeys(TEXTS, str), keep_default_na=False, na_values=undefined)


def _keys(row: dict, *more: str) -> dict:
    return {key: row[key] for key in (*KEYS, *more) if key in row}


def _write_csv(path: Path, rows: list[dict]) -> None:
    columns = [key for key in ("model", "run", "fold", "patient", "case", "structure") if key in rows[0]]
    columns += [key for key in rows[0] if key not in columns]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())

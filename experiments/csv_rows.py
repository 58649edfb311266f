"""An experiment's tables: CSV files whose rows are added to, and never dropped."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from nnunet_slice_attention.files import write_text

Rows = list[dict[str, str]]

# What tells rows apart, as far as a table has these columns; all others are values.
OF_RUN = ("name", "model", "trainer", "dataset", "fold", "seed", "epochs", "iterations", "commit")
OF_ROW = ("patient", "case", "structure", "epoch")


def read_csv(path: Path) -> Rows:
    """All cells as text; none if the file is not there."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Lines end as they did before."""
    text, ending = io.StringIO(), "\r\n" if path.is_file() and b"\r\n" in path.read_bytes() else "\n"
    writer = csv.DictWriter(text, columns, lineterminator=ending)
    writer.writeheader()
    writer.writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text.getvalue())


def merge(path: Path, rows: Rows) -> int:
    """Add rows to a table; how many are new. Its own rows stay as they are.

    A table without the column `structure` has a column for each, which holds the Dice.

    Raises:
        ValueError: a row of the table has other values than the one found.
    """
    columns, table = columns_of(path, rows), read_csv(path)
    known = {row_key(row, columns, (*OF_RUN, *OF_ROW)): row for row in table}
    before = len(table)
    for row in rows if "structure" in columns else _wide(rows, columns):
        found = {column: row[column] for column in columns}
        own = known.setdefault(row_key(row, columns, (*OF_RUN, *OF_ROW)), found)
        if own is found:
            table.append(found)
        elif own != found:
            raise ValueError(
                f"{path} has {own}, but now {found} is found for the same run. Give the arm of a new run another name, "
                "or remove the rows that are to be replaced."
            )
    if table != read_csv(path):
        write_csv(path, columns, table)
    return len(table) - before


def columns_of(path: Path, rows: Rows) -> list[str]:
    """The table's own; of a new one those that tell runs apart and all that the rows have beside them."""
    if table := read_csv(path):
        return list(table[0])
    found = list(rows[0]) if rows else []
    of_run = [column for column in OF_RUN if column in found and column != "trainer"]  # which the model names
    return [*of_run, *(column for column in found if column not in OF_RUN)]


def row_key(row: dict[str, str], columns: Sequence[str], known: Sequence[str] = OF_RUN) -> str:
    """What tells the row, by default its run, from others of a table with these columns."""
    return ", ".join(row[column] for column in columns if column in known)


def _wide(rows: Rows, columns: Sequence[str]) -> Rows:
    by_case: dict[str, dict[str, str]] = {}
    for row in rows:
        dice = {row["structure"]: row["dice"]} if "structure" in row else {}
        by_case.setdefault(row_key(row, columns, (*OF_RUN, *OF_ROW)), dict(row)).update(dice)
    return list(by_case.values())

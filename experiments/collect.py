"""Adding what finished jobs have left in the results folder to an experiment's tables. No row is ever dropped."""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from nnunet_slice_attention.files import read_note, write_text

from .collectors import Rows, case_rows, commits, curve, process_time, read_csv
from .declaration import RESULTS, Experiment
from .jobs import measurement_folder, prediction_folder
from .made_with import FILE, KEPT
from .run import Run

# What tells rows apart, as far as a table has these columns; all others are values.
OF_RUN = ("name", "model", "trainer", "dataset", "fold", "seed", "epochs", "iterations", "commit")
OF_ROW = ("patient", "case", "structure", "epoch")
NEW = ("name", "dataset", "fold", "seed", "epochs", "iterations", "commit")  # columns of a table that is not there yet
GROWING = (curve, process_time)  # read from runs under way too, whose rows may change


def collect(name: str, experiment: Experiment) -> list[str]:
    """A line for each table.

    Raises:
        ValueError: see `merge`.
    """
    folder, tables, notes = RESULTS / name, {}, {}
    for table, rows, note, grows in _found(name, experiment):
        all_rows, _ = tables.setdefault(table, ([], grows))
        all_rows += rows
        if note and (rows or (folder / table).is_file()):
            columns = columns_of(folder / table, rows)
            of_rows = {row_key(row, columns) for row in rows} or {table}
            notes |= dict.fromkeys(of_rows, {entry: note[entry] for entry in KEPT if entry in note})
    lines = []
    for table, (rows, grows) in tables.items():
        added = merge(folder / table, rows, grows)
        lines.append(f"{folder / table}: {added} rows added, {len(read_csv(folder / table))} in all")
    if notes:
        write_text(folder / FILE, json.dumps(read_note(folder / FILE) | notes, indent=1) + "\n")
    return lines


def _found(name: str, experiment: Experiment) -> Iterator[tuple[str, Rows, dict, bool]]:
    """(Table, rows of one job, what they were made with, whether they may change)."""
    for group in experiment.runs:
        for run in experiment.runs_of(group, RESULTS / name):
            if folder := run.fold_folder():
                for table, collector in group.into.items():
                    rows = [of_run(run) | _patient(row, experiment) | row for row in collector(run)]
                    yield table, rows, read_note(folder / FILE), collector in GROWING
    for predict in experiment.predict:
        for run in predict.runs():
            folder = prediction_folder(name, run)
            rows = case_rows(folder / "compared" / "cases.csv") if (folder / FILE).is_file() else []
            model = {"way": lambda row: row["model"]}.get(predict.model, lambda row: of_run(run)[predict.model])
            rows = [of_run(run) | row | {"model": model(row)} for row in rows]
            yield predict.into, rows, read_note(folder / FILE), False
    for table, measure in experiment.measure.items():
        folder = measurement_folder(name, table)
        rows = measure.rows(folder / "out") if measure.rows and (folder / FILE).is_file() else []
        yield table, rows, read_note(folder / FILE), False


def of_run(run: Run) -> dict[str, str]:
    columns = "name", "trainer", "dataset", "fold", "seed", "epochs", "iterations"
    own = {column: str(getattr(run, column)) for column in columns}
    return own | {"model": f"{run.trainer} {run.configuration}", "commit": commits(run)}


def _patient(row: dict[str, str], experiment: Experiment) -> dict[str, str]:
    found = re.search(experiment.patient, row.get("case", ""))
    return {"patient": found[1]} if found else {}


def merge(path: Path, rows: Rows, grows: bool = False) -> int:
    """Add rows to a table; how many are new. Its own rows stay, as they are unless it `grows`.

    A table without the column `structure` has a column for each, which holds the Dice.

    Raises:
        ValueError: a row of the table has other values than the one found.
    """
    columns, table = columns_of(path, rows), read_csv(path)
    before, changed, tells_apart = len(table), False, (*OF_RUN, *OF_ROW)
    places = {row_key(row, columns, tells_apart): place for place, row in enumerate(table)}
    for row in rows if "structure" in columns else _wide(rows, columns):
        row = {column: row[column] for column in columns}
        place = places.setdefault(row_key(row, columns, tells_apart), len(table))
        if place == len(table):
            table.append(row)
        elif table[place] != row and not grows:
            raise ValueError(
                f"{path} has {table[place]}, but now {row} is found for the same run. Give the arm of a new run another "
                "name, or remove the rows that are to be replaced."
            )
        elif table[place] == row:
            continue
        table[place], changed = row, True
    if changed:
        text = io.StringIO()
        ending = "\r\n" if path.is_file() and b"\r\n" in path.read_bytes() else "\n"
        writer = csv.DictWriter(text, columns, lineterminator=ending)
        writer.writeheader()
        writer.writerows(table)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.getvalue(), encoding="utf-8", newline="")
    return len(table) - before


def columns_of(path: Path, rows: Rows) -> list[str]:
    """The table's own; of a new one those that tell runs apart and all that the rows have beside them."""
    if path.is_file():
        with path.open(newline="", encoding="utf-8") as file:
            return next(csv.reader(file))
    return list(dict.fromkeys([*NEW, *(c for row in rows[:1] for c in row if c not in OF_RUN)]))


def row_key(row: dict[str, str], columns: Sequence[str], known: Sequence[str] = OF_RUN) -> str:
    """What tells the row, by default its run, from others of a table with these columns."""
    return ", ".join(row[column] for column in columns if column in known)


def _wide(rows: Rows, columns: Sequence[str]) -> Rows:
    by_case: dict[str, dict[str, str]] = {}
    for row in rows:
        key = row_key(row, columns, (*OF_RUN, *OF_ROW))
        by_case.setdefault(key, dict(row)).update({row["structure"]: row["dice"]} if "structure" in row else {})
    return list(by_case.values())

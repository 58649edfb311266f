"""Adding what finished jobs have left in the results folder to an experiment's tables. No row is ever dropped."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from nnunet_slice_attention.files import read_json_or_empty, write_text

from .collectors import case_rows
from .csv_rows import Rows, columns_of, merge, read_csv, row_key
from .declaration import Experiment
from .jobs import is_current
from .made_with import FILE, KEPT
from .stages import measurement_folder, prediction_folder


def collect(folder: Path, experiment: Experiment) -> list[str]:
    """A line for each table.

    Raises:
        ValueError: see `merge`.
    """
    tables, notes, known = {}, {}, read_json_or_empty(folder / FILE)
    for table, rows, made_in in _found(folder, experiment):
        tables.setdefault(table, []).extend(rows or [])
        columns, note = columns_of(folder / table, rows or []), read_json_or_empty(made_in / FILE)
        if rows is None and note.get("date", "") < known.get(table, {}).get("date", ""):
            continue  # the table was measured again since, on another machine
        keys = [table] if rows is None else [row_key(row, columns) for row in rows]
        notes |= {key: {entry: note[entry] for entry in KEPT if entry in note} for key in keys if note}
    lines = []
    for table, rows in tables.items():
        added = merge(folder / table, rows)
        lines.append(f"{folder / table}: {added} rows added, {len(read_csv(folder / table))} in all")
    if notes:
        write_text(folder / FILE, json.dumps(known | notes, indent=1) + "\n")
    return lines


def _found(home: Path, experiment: Experiment) -> Iterator[tuple[str, Rows | None, Path]]:
    """(Table, rows of one job or None if it wrote the table, the job's folder)."""
    for group in experiment.runs:
        for run in experiment.runs_of(group, home):
            if folder := run.fold_folder():
                own = run.cells() | {"commit": run.commits()}
                for table, collector in group.into.items():
                    rows = [_patient(row, experiment) | row | own for row in collector(run)]
                    yield table, rows, folder
    for predict in experiment.predict:
        for run in predict.runs(home):
            folder, own = prediction_folder(home, run), run.cells() | {"commit": run.commits()}
            rows = case_rows(folder / "compared" / "cases.csv") if is_current(folder, run) else []
            rows = [row | own | {"model": (own | {"way": row["model"]})[predict.model]} for row in rows]
            yield predict.into, rows, folder
    for measure in experiment.measure:
        folder, run = measurement_folder(home, measure), next(iter(measure.runs()), None)
        for table, reader in measure.into.items():
            rows = (reader(folder / "out") if is_current(folder, run) else []) if reader else None
            yield table, rows, folder


def _patient(row: dict[str, str], experiment: Experiment) -> dict[str, str]:
    found = re.search(experiment.patient, row.get("case", ""))
    return {"patient": found[1]} if found else {}

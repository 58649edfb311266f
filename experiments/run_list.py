"""Lists of runs as CSV, one row per run."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from .csv_rows import read_csv, write_csv
from .run import Run

COLUMNS = (
    "name", "dataset", "plans", "configuration", "trainer", "fold", "seed", "epochs", "iterations", "iterations_later",
    "after",
)  # fmt: skip
NUMBERS = ("dataset", "fold", "seed", "epochs", "iterations", "iterations_later")


def read_runs(path: Path) -> list[Run]:
    """The runs of a list; none if it is not there.

    Raises:
        ValueError: a column is missing or unknown, a number is none, or what `check_places` refuses.
    """
    runs = []
    for line, row in enumerate(read_csv(path), 2):
        try:
            runs.append(Run(**{key: int(v) if key in NUMBERS else v for key, v in row.items() if v}))
        except (TypeError, ValueError) as error:
            columns = ", ".join(COLUMNS)
            raise ValueError(
                f"{path}, line {line}: {error}. The columns are {columns}; precision is optional."
            ) from error
    return check_places(runs, path)


def check_places(runs: Iterable[Run], origin: Path) -> list[Run]:
    """The runs, those that come after another one in its results folder.

    Raises:
        ValueError: two runs are the same or would write to one folder, or `after` names no earlier run.
    """
    known: dict[str, Run] = {}
    places: dict[tuple, Run] = {}
    for run in runs:
        first = known.get(run.after)
        if run.after and not first:
            raise ValueError(
                f"{origin}: {run.index} comes after {run.after}, which is no run further up. Name one of: "
                f"{', '.join(known) or 'none yet'}."
            )
        run = replace(run, results_of=first.results_of if first else run.index)
        place = run.results_of, run.dataset, run.model, run.fold
        if other := known.get(run.index) or places.get(place):
            raise ValueError(
                f"{origin}: {run.index} would write to the folder of {other.index}. Remove one of the two or give it "
                "another name; runs after the same run need different trainers."
            )
        known[run.index] = places[place] = run
    return list(known.values())


def write_runs(path: Path, runs: Sequence[Run]) -> None:
    columns = [*COLUMNS, *(["precision"] if any(run.precision != "single" for run in runs) else [])]
    write_csv(path, columns, ({column: getattr(run, column) for column in columns} for run in runs))

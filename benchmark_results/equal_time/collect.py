"""Gather what the runs of a table left in their folders: `python collect.py runs.csv -o FOLDER`.

Writes to FOLDER, each table with the columns that tell the run:

    cases.csv         Dice of each validation case and structure at the end of a finished run
    curves.csv        Dice of a few cases in the course of the training, with the processor seconds until then
    process_time.csv  processor and wall-clock seconds of the training, epochs that are done, and the source's commits

Rows of runs that are not on this machine are kept as they are in FOLDER.
"""

import argparse
import json
import os
from pathlib import Path

import pandas as pd
from run import Run, read_runs

KEY = ["name", "dataset", "fold", "seed", "epochs", "iterations"]
COLUMNS = {
    "cases.csv": ["case", "structure", "dice"],
    "curves.csv": ["epoch", "cpu_s", "case", "structure", "dice"],
    "process_time.csv": ["cpu_s", "wall_s", "epochs_done", "commits"],
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, help="table of the runs")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the tables")
    args = parser.parse_args()
    if "nnUNet_results" not in os.environ:
        parser.error("nnUNet_results is not set. Export the folder of the results, as for run.py.")
    runs = read_runs(args.runs)
    args.output.mkdir(parents=True, exist_ok=True)
    gather = {"cases.csv": cases, "curves.csv": curve, "process_time.csv": process_time}
    for name, of_run in gather.items():
        found = [with_key(of_run(folder), run) for run in runs if (folder := run.fold_folder())]
        path = args.output / name
        table = merged(path, found, [*KEY, *COLUMNS[name]])
        table.to_csv(path, index=False, lineterminator="\n")
        print(f"{path}: {len(table)} rows of {len(table[KEY].drop_duplicates())} runs")


def with_key(table: pd.DataFrame, run: Run) -> pd.DataFrame:
    return table.assign(**{column: getattr(run, column) for column in KEY}) if len(table) else table


def merged(path: Path, found: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    """What was found, and what `path` has of other runs, sorted."""
    known = {key for table in found if len(table) for key in keys(table)}
    if path.is_file():
        old = read(path)
        found = [old[[key not in known for key in keys(old)]], *found]
    tables = [table for table in found if len(table)]
    table = pd.concat(tables)[columns] if tables else pd.DataFrame(columns=columns)
    return table.sort_values([c for c in columns if c not in ("dice", "cpu_s", "wall_s")], kind="stable")


def keys(table: pd.DataFrame) -> list[tuple]:
    """The run of each row."""
    return list(table[KEY].itertuples(index=False, name=None))


def read(path: Path) -> pd.DataFrame:
    """With texts as such: a commit such as 1234567 is no number."""
    texts = dict.fromkeys(("name", "case", "structure", "commit", "commits"), str)
    return pd.read_csv(path, dtype=texts).round(5)  # as written: rows that are kept do not change


def cases(folder: Path) -> pd.DataFrame:
    """Dice of nnU-Net's validation; NaN where neither prediction nor truth has the structure."""
    if not (folder / "made_with.json").is_file():
        return pd.DataFrame()
    dataset = json.loads((folder.parent / "dataset.json").read_text())
    names = {
        str(tuple(label) if isinstance(label, list) else label): name
        for name, label in dataset["labels"].items()
    }
    summary = json.loads((folder / "validation" / "summary.json").read_text())
    return pd.DataFrame(
        {
            "case": Path(of_case["prediction_file"]).name.removesuffix(dataset["file_ending"]),
            "structure": names[label],
            "dice": round(metrics["Dice"], 5),
        }
        for of_case in summary["metric_per_case"]
        for label, metrics in of_case["metrics"].items()
    )


def curve(folder: Path) -> pd.DataFrame:
    path = folder / "curve.csv"
    return read(path) if path.is_file() else pd.DataFrame()


def process_time(folder: Path) -> pd.DataFrame:
    path = folder / "process_time.csv"
    if not path.is_file():
        return pd.DataFrame()
    epochs = read(path)
    total = {column: [round(epochs[column].sum(), 3)] for column in ("cpu_s", "wall_s")}
    commits = "+".join(dict.fromkeys(epochs["commit"]))
    return pd.DataFrame(total | {"epochs_done": [len(epochs)], "commits": [commits]})


if __name__ == "__main__":
    main()

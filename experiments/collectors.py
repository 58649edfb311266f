"""Rows of what a training run has left in its folder; none if it has not come that far. All cells are text."""

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import mean

from nnunet_slice_attention.evaluation.nnunet_summary import read_cases

from .run import Run
from .table import Rows, read_csv

TEXTS = ("model", "patient", "case", "structure", "presence")
Collector = Callable[[Run], Rows]


def validated(run: Run) -> Rows:
    """case, structure, dice of nnU-Net's validation; dice is empty where neither segmentation has the structure."""
    if not run.is_finished():
        return []
    folder = run.fold_folder()
    dataset = json.loads((folder.parent / "dataset.json").read_text())
    names = {
        str(tuple(label) if isinstance(label, list) else label): name
        for name, label in dataset["labels"].items()
    }
    return [
        {
            "case": Path(case["prediction_file"]).name.removesuffix(dataset["file_ending"]),
            "structure": names[label],
            "dice": rounded(metrics["Dice"]),
        }
        for case in read_cases(folder / "validation" / "summary.json")
        for label, metrics in case["metrics"].items()
    ]


def renamed(collector: Collector, structures: Mapping[str, str]) -> Collector:
    """The same with other names of structures."""
    return lambda run: [
        row | {"structure": structures.get(row["structure"], row["structure"])} for row in collector(run)
    ]


def compared(run: Run) -> Rows:
    """As the command `compare` evaluates the validation, with its NSD and HD95; evaluated once per run."""
    if not run.is_finished():
        return []
    folder = run.fold_folder()
    output = folder / "compared"
    if not (output / "cases.csv").is_file():
        truth = Path(os.environ["nnUNet_preprocessed"], folder.parents[1].name, "gt_segmentations")
        command = [
            sys.executable,
            "-m",
            "nnunet_slice_attention",
            "compare",
            "-o",
            str(output),
            "--truth",
            str(truth),
        ]
        command += ["--dataset-json", str(folder.parent / "dataset.json")]
        command += ["--predictions", f"{run.name}={folder / 'validation'}"]
        subprocess.run(command, check=True, stdout=sys.stderr)
    of_model = ("model", "patient")  # what the experiment calls these is added to every row
    rows = case_rows(output / "cases.csv")
    return [{column: text for column, text in row.items() if column not in of_model} for row in rows]


def case_rows(path: Path) -> Rows:
    """Of a table with one row per case and structure, numbers rounded; none if it is not there."""
    return [
        {column: text if column in TEXTS else rounded(text) for column, text in row.items()}
        for row in read_csv(path)
    ]


def logged(every: int = 1) -> Collector:
    """losses: cross-entropy minus soft Dice, the mean over each `every`-th epoch."""

    def rows(run: Run) -> Rows:
        if not run.is_finished():
            return []
        losses = [float(row["train_loss"]) for row in run.epochs_done()]
        return [{"losses": " ".join(f"{loss:.3f}" for loss in losses[every - 1 :: every])}]

    return rows


def pseudo_dice(run: Run) -> str:
    """nnU-Net's online figure of each epoch, the mean of the classes."""
    logs = sorted(run.fold_folder().glob("training_log_*.txt"))
    found = re.findall(r"Pseudo dice \[(.+)\]", "".join(path.read_text() for path in logs))
    epochs = [map(float, re.findall(r"float32\(([\d.e-]+)\)", line)) for line in found]
    return ", ".join(f"{mean(values):.2f}" for values in epochs)


def curve(run: Run) -> Rows:
    """epoch, cpu_s until then, case, structure, dice of a few cases; also of a run under way."""
    folder = run.fold_folder()
    return case_rows(folder / "curve.csv") if folder else []


def process_time(run: Run) -> Rows:
    """cpu_s and wall_s of the training, epochs_done, and the source's commits; also of a run under way."""
    if not (epochs := run.epochs_done()):
        return []
    total = {
        column: str(round(sum(float(row[column]) for row in epochs), 3)) for column in ("cpu_s", "wall_s")
    }
    return [total | {"epochs_done": str(len(epochs)), "commits": commits(run)}]


GROWING = (curve, process_time)  # read from runs under way too, whose rows may change


def of_run(run: Run) -> dict[str, str]:
    columns = "name", "trainer", "dataset", "fold", "seed", "epochs", "iterations"
    own = {column: str(getattr(run, column)) for column in columns}
    return own | {"model": f"{run.trainer} {run.configuration}", "commit": commits(run)}


def commits(run: Run) -> str:
    return "+".join(dict.fromkeys(row["commit"] for row in run.epochs_done()))


def rounded(value: str | float) -> str:
    """A number with at most five decimals, "" for NaN; other text as it is."""
    try:
        number = float(value)
    except ValueError:
        return value
    if isinstance(value, str) and "." not in value and not math.isnan(number):
        return value
    return "" if math.isnan(number) else repr(round(number, 5))

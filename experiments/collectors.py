"""Rows of what a finished training run has left in its folder; none of one under way. All cells are text."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from nnunet_slice_attention.fold_validation import evaluated_cases
from nnunet_slice_attention.model_name import FINAL

from .csv_rows import Rows, read_csv
from .run import CURVE, Run

Collector = Callable[[Run], Rows]


def validated(run: Run) -> Rows:
    """case, structure, dice of nnU-Net's validation; dice is empty where neither segmentation has the structure."""
    return [of_case | {"dice": rounded(metrics["Dice"])} for of_case, metrics in _evaluated(run)]


def overlaps(run: Run) -> Rows:
    """case, structure, dice, precision, recall, jaccard of nnU-Net's validation; empty where they would divide by 0."""
    rows = []
    for of_case, metrics in _evaluated(run):
        correct = metrics["TP"]
        shares = {
            "dice": (2 * correct, metrics["n_pred"] + metrics["n_ref"]),
            "precision": (correct, metrics["n_pred"]),
            "recall": (correct, metrics["n_ref"]),
            "jaccard": (correct, correct + metrics["FP"] + metrics["FN"]),
        }
        rows.append(
            of_case | {name: rounded(part / of if of else math.nan) for name, (part, of) in shares.items()}
        )
    return rows


def _evaluated(run: Run) -> Iterator[tuple[dict[str, str], dict]]:
    """case and structure, and nnU-Net's metrics of them; none of a run that is not finished."""
    if not run.is_finished():
        return
    folder = run.fold_folder()
    dataset = json.loads((folder.parent / "dataset.json").read_text())
    labels = dataset["labels"].items()
    names = {str(tuple(label) if isinstance(label, list) else label): name for name, label in labels}
    for case in evaluated_cases(folder / "validation" / "summary.json"):
        name = Path(case["prediction_file"]).name.removesuffix(dataset["file_ending"])
        for label, metrics in case["metrics"].items():
            yield {"case": name, "structure": names[label]}, metrics


def parameters(run: Run) -> Rows:
    """parameters: how many numbers the model's weights hold, shared ones counted once."""
    if not run.is_finished():
        return []
    import torch

    checkpoint = run.fold_folder() / FINAL
    weights = torch.load(checkpoint, map_location="cpu", weights_only=False)["network_weights"].values()
    return [{"parameters": str(sum({weight.data_ptr(): weight.numel() for weight in weights}.values()))}]


def compared(run: Run) -> Rows:
    """As the command `compare` evaluates the validation, with its NSD and HD95; evaluated once per run."""
    if not run.is_finished():
        return []
    folder = run.fold_folder()
    output = folder / "compared"
    if not (output / "cases.csv").is_file():
        truth = Path(os.environ["nnUNet_preprocessed"], folder.parents[1].name, "gt_segmentations")
        command = compare_command({run.name: folder / "validation"}, truth, output)
        command += ["--dataset-json", str(folder.parent / "dataset.json")]
        subprocess.run(command, check=True, stdout=sys.stderr)
    of_model = ("model", "patient")  # what the experiment calls these is added to every row
    rows = case_rows(output / "cases.csv")
    return [{column: text for column, text in row.items() if column not in of_model} for row in rows]


def compare_command(predictions: Mapping[str, Path], truth: Path, output: Path) -> list[str]:
    folders = [f"{name}={folder}" for name, folder in predictions.items()]
    options = ["--truth", str(truth), "-o", str(output), "-np", "1", "--predictions", *folders]
    return [sys.executable, "-m", "nnunet_slice_attention", "compare", *options]


def case_rows(path: Path) -> Rows:
    """Of a table with one row per case and structure, numbers rounded; none if it is not there."""
    return [{column: rounded(text) for column, text in row.items()} for row in read_csv(path)]


def logged(every: int = 1) -> Collector:
    """losses: cross-entropy minus soft Dice, the mean over each `every`-th epoch."""

    def rows(run: Run) -> Rows:
        losses = [f"{float(row['train_loss']):.3f}" for row in run.epochs_done()]
        return [{"losses": " ".join(losses[every - 1 :: every])}] if run.is_finished() else []

    return rows


def curve(run: Run) -> Rows:
    """epoch, cpu_s until then, case, structure, dice of a few cases."""
    return case_rows(run.fold_folder() / CURVE) if run.is_finished() else []


def process_time(run: Run) -> Rows:
    """cpu_s and wall_s of the training, epochs_done, and the source's commits."""
    if not run.is_finished():
        return []
    epochs = run.epochs_done()
    total = {key: str(round(sum(float(row[key]) for row in epochs), 3)) for key in ("cpu_s", "wall_s")}
    return [total | {"epochs_done": str(len(epochs)), "commits": run.commits()}]


def rounded(value: str | float) -> str:
    """A number with at most five decimals, "" for NaN; other text as it is."""
    try:
        number = float(value)
    except ValueError:
        return value
    if isinstance(value, str) and "." not in value and not math.isnan(number):
        return value
    return "" if math.isnan(number) else repr(round(number, 5))

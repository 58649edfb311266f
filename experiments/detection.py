"""How well a run's model detects, as `compare --boxes` counts: its validation images predicted with probabilities."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from nnunet_slice_attention.evaluation.detection import PREDICTED, RATES, detection_metrics, pool
from nnunet_slice_attention.files import read_json_or_empty

from .collectors import compare_command, rounded
from .csv_rows import Rows, read_csv
from .run import Run


def detected(run: Run) -> Rows:
    """AP50 and sensitivities for each structure, of boxes in slices; predicted and compared once per run."""
    if not run.is_finished():
        return []
    output = run.fold_folder() / "detected"
    compared = output / "compared"
    if not (compared / "boxes.csv").is_file():
        for command in _commands(run, output, compared):
            environment = os.environ | {"nnUNet_results": str(run.results)}
            subprocess.run(list(map(str, command)), check=True, stdout=sys.stderr, env=environment)
    return metric_rows(read_csv(compared / "cases.csv"), read_csv(compared / "boxes.csv"))


def _commands(run: Run, output: Path, compared: Path) -> Iterable[list]:
    dataset = read_json_or_empty(run.fold_folder().parent / "plans.json")["dataset_name"]
    images, labels, predictions = (output / name for name in ("images", "labels", "predictions"))
    yield [sys.executable, "-m", "experiments.images", dataset, run.fold, "copy", images, labels]
    model = ["-d", dataset, "-tr", run.trainer, "-p", run.plans, "-c", run.configuration, "-f", run.fold]
    options = ["--disable_tta", "--save_probabilities", "-npp", "0", "-nps", "0", "-device", "cpu"]
    predict = [sys.executable, "-m", "nnunet_slice_attention", "predict"]
    yield [*predict, *model, "-i", images, "-o", predictions, *options]
    yield [*compare_command({run.name: predictions}, labels, compared), "--boxes"]


def metric_rows(cases: Rows, boxes: Rows) -> Rows:
    """structure, ap50 and sensitivity_RATE, from a comparison of one model: its `cases.csv` and `boxes.csv`."""
    found: dict[tuple[str, str], Rows] = {}
    for box in boxes:
        found.setdefault((box["case"], box["structure"]), []).append(_typed(box))
    rows = []
    for structure in sorted({case["structure"] for case in cases}):
        own = [
            {
                "patient": case["patient"],
                "slices": int(case["slices"]),
                "boxes": found.get((case["case"], structure), []),
            }
            for case in cases
            if case["structure"] == structure
        ]
        ap50, *sensitivities = (
            estimate.value for estimate in detection_metrics(pool(own, "slices"), draws=1)
        )
        values = {f"sensitivity_{rate:g}": value for rate, value in zip(RATES, sensitivities, strict=True)}
        rows.append(
            {"structure": structure}
            | {name: rounded(value) for name, value in ({"ap50": ap50} | values).items()}
        )
    return rows


def _typed(box: dict[str, str]) -> dict:
    score = float(box["score"]) if box["source"] == PREDICTED else ""
    return box | {"score": score, "matched": int(box["matched"])}

"""The case table of all models, cached per model until a file or an option changes."""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict
from pathlib import Path

from nnunetv2.imageio.base_reader_writer import BaseReaderWriter

from .. import __version__
from ..evaluation.case_table import Task, evaluate, worker_pool
from ..evaluation.labels import Labels
from ..evaluation.metrics import METRICS
from ..files import read_json_or_empty, sha256, write_text
from ..tiff_spacing import ENDINGS, segmentation_spacing_file
from .ground_truth import GroundTruth
from .model import Model, without_probabilities
from .options import Options

SCHEMA = 5  # of the rows; bump when a column's name or a metric's definition changes
FILES = ("truth", "prediction", "probabilities")  # attributes of a task that are files


def evaluate_models(
    models: Sequence[Model], truth: GroundTruth, slice_axis: int, cache: Path, options: Options
) -> tuple[list[dict], list[str]]:
    """Rows with model, fold and, if there are several, run; and one message per case that failed.

    Args:
        slice_axis: array axis along which slices are stacked.
        cache: folder of the cached rows.
    """
    cache.mkdir(parents=True, exist_ok=True)
    labels, reader = Labels.from_dataset_json(truth.dataset_json), truth.reader()
    use_probabilities = (
        options.lesion_sizes is not None
        or options.boxes
        or (options.ensembles and len({model.name for model in models}) > 1)
    )
    incomplete = without_probabilities(models)
    rows, failures = [], []
    with worker_pool(options.processes) as pool:
        for model in models:
            with_probabilities = use_probabilities and model.name not in incomplete
            tasks = [
                Task(
                    case,
                    truth.file(case),
                    path,
                    labels,
                    tolerance=options.tolerance,
                    lesion_sizes=options.lesion_sizes,
                    slice_axis=slice_axis,
                    probabilities=model.probabilities(case) if with_probabilities else None,
                    boxes=options.boxes and with_probabilities,
                    spacing=truth.spacings.get(case),
                )
                for case, path in model.predictions.items()
            ]
            model_rows, problems = _cached(tasks, reader, pool, model.label, cache)
            failures += [f"{model.label}, {case}: {problem}" for case, problem in problems.items()]
            key = {"model": model.name} | ({"run": model.run} if model.run else {})
            rows += [key | {"fold": model.fold_by_case.get(row["case"], "")} | row for row in model_rows]
    return rows, failures


def _cached(
    tasks: Sequence[Task], reader: BaseReaderWriter, pool: Executor, label: str, cache: Path
) -> tuple[list[dict], dict[str, str]]:
    """The output of `evaluate`, cached if there were no problems, until the tasks change."""
    key = _fingerprint(tasks)
    stored = cache / f"{hashlib.sha256(label.encode()).hexdigest()[:16]}.json"
    content = read_json_or_empty(stored)
    if content.get("key") == key and isinstance(content.get("rows"), list):
        return content["rows"], {}
    rows, problems = evaluate(tasks, reader, pool, label)
    if not problems:
        write_text(stored, json.dumps({"key": key, "model": label, "rows": rows}))
    return rows, problems


def _fingerprint(tasks: Sequence[Task]) -> str:
    """Changes with the files, the options, and the definition of the rows."""
    parts = [f"{SCHEMA} {__version__} {' '.join(METRICS)}"]
    for task in tasks:
        options = {k: v for k, v in asdict(task).items() if k not in FILES and (k, v) != ("spacing", None)}
        parts.append(json.dumps(options, sort_keys=True))
        parts += [sha256(path) for path in (getattr(task, name) for name in FILES) if path]
        # That of the ground truth is an option of the task.
        spacing = segmentation_spacing_file(task.prediction)
        if task.prediction.suffix.lower() in ENDINGS and spacing.is_file():
            parts.append(sha256(spacing))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()

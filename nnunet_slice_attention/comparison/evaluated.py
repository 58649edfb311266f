"""The rows of all models; what was evaluated before is kept and read again, until a file or an option changes."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from .. import __version__
from ..evaluation.case_table import Task, evaluate, workers
from ..evaluation.metrics import METRICS
from ..evaluation.segmentations import Labels
from ..files import read_json_or_empty, write_text
from .compared_models import Model
from .manifest import hash_of
from .options import Options
from .truth import Truth

SCHEMA = 3  # of the rows; count it up when a figure is defined anew
FILES = ("truth", "prediction", "probabilities")  # of a task


def evaluated(
    models: Sequence[Model], truth: Truth, thick: int, cache: Path, options: Options
) -> tuple[list[dict], list[str]]:
    """Rows with the model's name, its run if there are several, and the fold; a message for each case that failed.

    Args:
        thick: axis along which slices are stacked.
        cache: folder for what is kept.
    """
    cache.mkdir(parents=True, exist_ok=True)
    labels = Labels.of_dataset(truth.dataset_json)
    use_probabilities = options.lesion_sizes is not None or (
        options.ensembles and len({model.name for model in models}) > 1
    )
    lacking = {model.name for model in models if model.without_probabilities}  # in any run
    rows, failures = [], []
    with workers(options.processes) as pool:
        for model in models:
            saved = use_probabilities and model.name not in lacking
            tasks = [
                Task(
                    case,
                    truth.file(case),
                    path,
                    labels,
                    options.tolerance,
                    options.lesion_sizes,
                    thick,
                    model.probabilities(case) if saved else None,
                )
                for case, path in model.predictions.items()
            ]
            found, problems = _kept(
                tasks, model.label, cache, lambda tasks: evaluate(tasks, truth.reader(), pool)
            )
            failures += [f"{model.label}, {case}: {problem}" for case, problem in problems.items()]
            of_model = {"model": model.name} | ({"run": model.run} if model.run else {})
            rows += [of_model | {"fold": model.fold_of.get(row["case"], "")} | row for row in found]
    return rows, failures


def _kept(
    tasks: Sequence[Task], label: str, cache: Path, evaluate_them: Callable
) -> tuple[list[dict], dict[str, str]]:
    """What `evaluate_them` returns of the tasks; without a problem it is kept for as long as they stay the same."""
    key = _fingerprint(tasks)
    stored = cache / f"{hashlib.sha256(label.encode()).hexdigest()[:16]}.json"
    content = read_json_or_empty(stored)
    if content.get("key") == key and isinstance(content.get("rows"), list):
        return content["rows"], {}
    rows, problems = evaluate_them(tasks)
    if not problems:
        write_text(stored, json.dumps({"key": key, "model": label, "rows": rows}))
    return rows, problems


def _fingerprint(tasks: Sequence[Task]) -> str:
    """Changes when a file or an option does."""
    parts = [f"{SCHEMA} {__version__} {' '.join(METRICS)}"]
    for task in tasks:
        options = {k: v for k, v in asdict(task).items() if k not in FILES}
        parts.append(json.dumps(options, sort_keys=True))
        parts += [hash_of(path) for path in (getattr(task, name) for name in FILES) if path]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()

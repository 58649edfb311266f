"""Models head-to-head on the same cases: evaluate, tabulate, report. Finished evaluations are kept."""

import csv
import hashlib
import io
import itertools
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from nnunetv2.imageio.reader_writer_registry import determine_reader_writer_from_dataset_json

from ..evaluation.case_table import Task, evaluate
from ..evaluation.segmentations import Labels
from ..files import write_text
from ..report.comparison import Report, write_report
from .compared_models import Model, Truth, check_same_cases, ensemble
from .examples import examples_of
from .manifest import hash_of, manifest_of

FILES = ("truth", "prediction", "probabilities")  # of a task


@dataclass(frozen=True)
class Options:
    """How to compare.

    Attributes:
        reference: name of the model that the others are compared with.
        tolerance: of the normalised surface distance, in mm.
        lesion_sizes: diameters in mm between small, medium and large lesions; None leaves lesions out.
        ensembles: evaluate every pair of models that has probabilities.
        processes: cases evaluated at a time.
        title: of the report.
        cost: `cost.csv` of the verb `cost`, to set accuracy against cost.
    """

    reference: str
    tolerance: float = 2.0
    lesion_sizes: tuple[float, float] | None = None
    ensembles: bool = True
    processes: int = 2
    title: str = "Comparison"
    cost: Path | None = None


def compare(
    models: Sequence[Model],
    truth: Truth,
    output: Path,
    options: Options,
    patient_of: Callable[[str], str],
) -> list[str]:
    """Write `cases.csv`, `manifest.json`, `report.md` and `report.html` to `output`, and `froc.csv` where it applies.

    Returns:
        a message for each case that could not be evaluated; then no report is written, since means over different
        cases cannot be compared.

    Raises:
        ValueError: two models of one name, an unknown reference, different cases, or a case without a patient.
    """
    names = [model.name for model in models]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(
            f"{', '.join(sorted(twice))} is given more than once: every model needs a name of its own."
        )
    if options.reference not in names:
        raise ValueError(f"reference {options.reference!r} is none of the models: {', '.join(names)}.")
    check_same_cases(models, truth)
    patients = {case: patient_of(case) for case in models[0].predictions}
    training_ms = training_costs(options.cost, names) if options.cost else {}

    models = list(models)
    if options.ensembles:
        models += _ensembles(models, output / "ensembles", options.processes, truth.ending)
    rows, failures = _evaluated(models, truth, output / "evaluated", options)
    if failures:
        return failures
    froc = [
        {key: row[key] for key in ("model", "case", "structure")} | counts
        for row in rows
        for counts in row.pop("froc", ())
    ]
    for row in rows:
        row["patient"] = patients[row["case"]]
    _write_csv(output / "cases.csv", rows)
    if froc:
        _write_csv(output / "froc.csv", froc)
    manifest = manifest_of(models, truth, asdict(options))
    write_text(output / "manifest.json", json.dumps(manifest, indent=2))
    reader = determine_reader_writer_from_dataset_json(
        truth.dataset_json, str(truth.file(rows[0]["case"])), verbose=False
    )
    examples = examples_of(rows, models[: len(names)], options.reference, truth, reader())
    write_report(Report(rows, manifest, options.reference, examples, training_ms, froc), output)
    return []


def _ensembles(models: Sequence[Model], output: Path, processes: int, ending: str) -> list[Model]:
    with_probabilities = [model for model in models if model.has_probabilities]
    pairs = itertools.combinations(with_probabilities, 2)
    return [
        ensemble(a, b, output / f"{a.name}___{b.name}", processes, ending)
        for a, b in pairs
        if bool(a.fold_of) == bool(b.fold_of)
    ]


def _evaluated(
    models: Iterable[Model], truth: Truth, cache: Path, options: Options
) -> tuple[list[dict], list[str]]:
    """Rows of all models with their name and fold, and messages; what was evaluated before is read again."""
    cache.mkdir(parents=True, exist_ok=True)
    labels = Labels.of_dataset(truth.dataset_json)
    rows, failures = [], []
    for model in models:
        tasks = [
            Task(
                case,
                truth.file(case),
                path,
                labels,
                options.tolerance,
                options.lesion_sizes,
                model.probabilities(case) if options.lesion_sizes else None,
            )
            for case, path in model.predictions.items()
        ]
        key = _fingerprint(tasks)
        stored = cache / f"{hashlib.sha256(model.name.encode()).hexdigest()[:16]}.json"
        content = json.loads(stored.read_text()) if stored.is_file() else {}
        if content.get("key") != key:
            reader = determine_reader_writer_from_dataset_json(
                truth.dataset_json, str(tasks[0].truth), verbose=False
            )
            found, problems = evaluate(tasks, reader(), options.processes)
            failures += [f"{model.name}, {case}: {problem}" for case, problem in problems.items()]
            if problems:
                continue
            content = {"key": key, "model": model.name, "rows": found}
            write_text(stored, json.dumps(content))
        of_model = {"model": model.name}
        rows += [of_model | {"fold": model.fold_of.get(row["case"], "")} | row for row in content["rows"]]
    return rows, failures


def _fingerprint(tasks: Sequence[Task]) -> str:
    """Changes when a file or an option does."""
    parts = []
    for task in tasks:
        options = {k: v for k, v in asdict(task).items() if k not in FILES}
        parts.append(json.dumps(options, sort_keys=True))
        parts += [hash_of(path) for path in (getattr(task, name) for name in FILES) if path]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def training_costs(table: Path, models: Sequence[str]) -> dict[str, float]:
    """Median milliseconds of a training step a slice; a model's schedule (`_50epochs`) does not change it.

    Raises:
        ValueError: the table has none of the models.
    """
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = {}
    for model in models:
        names = {model, re.sub(r"_\d+epochs?(?=__)", "", model)}
        steps = [float(r["step_s"]) / float(r["slices_per_step"]) for r in rows if r["model"] in names]
        if steps:
            found[model] = 1000 * median(steps)
    if not found:
        raise ValueError(f"{table} has none of the models {', '.join(models)}.")
    return found


def _write_csv(path: Path, rows: list[dict]) -> None:
    columns = [key for key in ("model", "fold", "patient", "case", "structure") if key in rows[0]]
    columns += [key for key in rows[0] if key not in columns]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())

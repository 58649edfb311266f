"""Models head-to-head on the same cases: evaluate, tabulate, report. Finished evaluations are kept."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from ..cost.training_costs import training_costs
from ..evaluation.segmentations import stack_axis
from ..files import check_not_an_input, check_own_folder, write_text
from ..report.overlays import Example
from ..report.page import Report, write_report
from .compared_models import Model, check_same_cases, names_of
from .ensembles import ensembles
from .evaluated import evaluated
from .examples import examples_of
from .manifest import manifest_of
from .options import Options
from .patients import on_both_sides
from .truth import Truth

RESULTS = ("cases.csv", "froc.csv", "manifest.json", "report.md", "report.html")
AXIS_CASES = 20  # from which the axis of the slices is taken


def compare(
    models: Sequence[Model],
    truth: Truth,
    output: Path,
    options: Options,
    patient_of: Callable[[str], str],
) -> list[str]:
    """Write `cases.csv`, `manifest.json`, `report.md` and `report.html` to `output`, and `froc.csv` where it applies.

    Args:
        models: of several runs each model once a run.

    Returns:
        a message for each case that could not be evaluated; then no report is written, since means over different
        cases cannot be compared.

    Raises:
        ValueError: two models of one name in a run, a model that a run lacks, an unknown reference, different cases,
            or a case without a patient.
    """
    if options.tolerance <= 0:
        raise ValueError(f"--tolerance {options.tolerance:g} mm is not above 0.")
    if options.lesion_sizes and not 0 < options.lesion_sizes[0] < options.lesion_sizes[1]:
        sizes = " ".join(f"{size:g}" for size in options.lesion_sizes)
        raise ValueError(f"--lesions {sizes}: the first diameter must be above 0 and below the second.")
    names = names_of(models)
    if options.reference not in names:
        raise ValueError(f"reference {options.reference!r} is none of the models: {', '.join(names)}.")
    check_same_cases(models, truth)
    patients = {case: patient_of(case) for case in models[0].predictions}
    training_ms = training_costs(options.cost, names) if options.cost else {}
    _check_inputs_stay(models, output, options)

    for name in RESULTS:  # if this call fails, no report of another one stays behind
        (output / name).unlink(missing_ok=True)
    cases = sorted(patients)[:AXIS_CASES]
    thick = stack_axis(truth.reader(), [truth.file(case) for case in cases])
    rows, failures = evaluated(models, truth, thick, output / "evaluated", options)
    if failures:
        return failures
    examples = _examples(rows, models, options.reference, truth, thick)
    if options.ensembles:  # after the models' own evaluation, which checks the probabilities
        made = ensembles(models, output / "ensembles", options.processes, truth)
        more, failures = evaluated(made, truth, thick, output / "evaluated", options)
        if failures:
            return failures
        models, rows = [*models, *made], rows + more
    froc = [
        {key: row[key] for key in ("model", "run", "case", "structure") if key in row} | counts
        for row in rows
        for counts in row.pop("froc", ())
    ]
    for row in rows:
        row["patient"] = patients[row["case"]]
    manifest = manifest_of(models, truth, asdict(options))
    folds = {int(fold) for fold in models[0].fold_of.values()}
    divided = [on_both_sides(truth, fold, patient_of) for fold in folds]
    manifest["dataset"]["patients_trained_and_validated_on"] = sorted(set().union(*divided))
    write_report(Report(rows, manifest, options.reference, names, examples, training_ms, froc), output)
    _write_csv(output / "cases.csv", rows)
    if froc:
        _write_csv(output / "froc.csv", froc)
    write_text(output / "manifest.json", json.dumps(manifest, indent=2))
    return []


def _check_inputs_stay(models: Sequence[Model], output: Path, options: Options) -> None:
    """Raise ValueError if what is read would be written over, or made anew with the ensembles."""
    for name in RESULTS:
        check_not_an_input(output / name, (options.group, options.cost))
    check_own_folder(output, RESULTS, "evaluated")
    made = (output / "ensembles").resolve()
    if inside := next((model for model in models if made in model.folder.resolve().parents), None):
        raise ValueError(f"{inside.folder} is where ensembles are written to. Give another folder with -o.")


def _examples(
    rows: Sequence[dict], models: Sequence[Model], reference: str, truth: Truth, thick: int
) -> dict[str, list[Example]]:
    """Of the first run."""
    first = models[0].run
    rows = [row for row in rows if row.get("run", "") == first]
    return examples_of(rows, [model for model in models if model.run == first], reference, truth, thick)


def _write_csv(path: Path, rows: list[dict]) -> None:
    columns = [key for key in ("model", "run", "fold", "patient", "case", "structure") if key in rows[0]]
    columns += [key for key in rows[0] if key not in columns]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())

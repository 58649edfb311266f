"""Evaluate models on the same cases and write the report; finished evaluations are cached."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ..cost.training_costs import training_costs
from ..evaluation.segmentations import find_slice_axis
from ..files import check_not_an_input, check_own_folder, check_writable, write_text
from ..plans.preprocessed_cases import changed_labels
from ..report.detection_table import PREDICT_AGAIN
from ..report.page import Report, render_report
from ..report.shown_case import ShownCase
from ..report.verdicts import warnings
from .cached_evaluation import evaluate_models
from .ensembles import make_ensembles
from .examples import select_cases
from .ground_truth import GroundTruth
from .manifest import make_manifest
from .model import Model, without_probabilities
from .model_checks import check_same_cases, model_names, predicted_from_different_images
from .options import Options
from .patients import group_by, leaked_patients
from .result_files import RESULTS, take_detection, take_froc, write_tables
from .truth_spacing import with_spacings

AXIS_CASES = 20  # enough to find the slice axis


def write_comparison(
    models: Sequence[Model], truth: GroundTruth, output: Path, options: Options
) -> list[str]:
    """Write `cases.csv`, `manifest.json`, `report.md` and `report.html` to `output`.

    With their data also `froc.csv` and `boxes.csv`. The report's warnings are also printed to stderr.

    Args:
        models: with several runs, each model once per run.

    Returns:
        one message per case that could not be evaluated. If there are any, no report is written, since means over
        different cases are not comparable.

    Raises:
        ValueError: duplicate model names in a run, a model missing from a run, an unknown baseline, different cases, an
            invalid rule for patients, a case without a patient, boxes without any model that has probabilities, or an
            `output` that cannot be written.
    """
    get_patient = group_by(options.group)
    names = model_names(models)
    _check_options(options, names)
    check_same_cases(models, truth)
    if options.boxes:
        _check_probabilities(models)
    patients = {case: get_patient(case) for case in models[0].predictions}
    leaked = _leaked_patients(models, truth, get_patient)
    training_ms = training_costs(options.cost, names) if options.cost else {}
    _check_output(models, output, options)

    for name in RESULTS:  # if this run fails, no earlier report is left behind
        (output / name).unlink(missing_ok=True)
    cases = sorted(patients)[:AXIS_CASES]
    plans = (model.folder / "plans.json" for model in models)
    truth = replace(truth, plans=next(filter(Path.is_file, plans), None))
    truth = with_spacings(truth, sorted(patients))
    known = {truth.file(case): spacing for case, spacing in truth.spacings.items()}
    slice_axis = find_slice_axis(truth.reader(), [truth.file(case) for case in cases], known)
    rows, failures = evaluate_models(models, truth, slice_axis, output / "evaluated", options)
    if failures:
        return failures
    shown, unusable = _shown_cases(rows, models, options.baseline, truth, slice_axis)
    if options.ensembles:  # after evaluating the models, which checks their probabilities
        pairs = make_ensembles(models, output / "ensembles", options.processes, truth)
        pair_rows, failures = evaluate_models(pairs, truth, slice_axis, output / "evaluated", options)
        if failures:
            return failures
        models, rows = [*models, *pairs], rows + pair_rows
    for row in rows:
        row["patient"] = patients[row["case"]]
    froc, detected = take_froc(rows), take_detection(rows)
    manifest = make_manifest(models, truth, options)
    changed = changed_labels(truth.raw, truth.folder, truth.dataset_json, patients) if truth.raw else []
    manifest["dataset"] |= {
        "patients_trained_and_validated_on": leaked,
        "labels_changed_after_preprocessing": changed,
        "predicted_from_different_images": predicted_from_different_images(models),
        "images_not_shown": unusable,
    }
    pages = render_report(Report(rows, manifest, options.baseline, names, shown, training_ms, froc, detected))
    write_tables(output, rows, froc, detected)
    write_text(output / "manifest.json", json.dumps(manifest, indent=2))
    for name, text in pages.items():
        write_text(output / name, text)
    for warning in warnings(manifest):
        print(warning, file=sys.stderr)
    return []


def _leaked_patients(
    models: Sequence[Model], truth: GroundTruth, get_patient: Callable[[str], str]
) -> list[str]:
    """Of the compared folds; raise ValueError if the rule does not cover their training cases."""
    folds = {int(fold) for fold in models[0].fold_by_case.values()}
    return sorted(set().union(*(leaked_patients(truth, fold, get_patient) for fold in folds)))


def _check_options(options: Options, names: Sequence[str]) -> None:
    """Raise ValueError for numbers out of range, or an unknown baseline."""
    if options.tolerance <= 0:
        raise ValueError(f"--tolerance {options.tolerance:g} must be above 0 mm.")
    if options.lesion_sizes and not 0 < options.lesion_sizes[0] < options.lesion_sizes[1]:
        sizes = " ".join(f"{size:g}" for size in options.lesion_sizes)
        raise ValueError(f"--lesions {sizes}: the first diameter must be above 0 and below the second.")
    if options.baseline not in names:
        raise ValueError(
            f"--baseline {options.baseline!r} is not one of the models. Give one of {', '.join(names)}."
        )


def _check_output(models: Sequence[Model], output: Path, options: Options) -> None:
    """Raise ValueError if it cannot be written, or an input would be overwritten, or deleted with old ensembles."""
    check_writable(output)
    for name in RESULTS:
        check_not_an_input(output / name, (options.group, options.cost))
    check_own_folder(output, RESULTS, "evaluated")
    ensembles = (output / "ensembles").resolve()
    if inside := next((model for model in models if ensembles in model.folder.resolve().parents), None):
        raise ValueError(f"{inside.folder} is where ensembles are written. Give another folder with -o.")


def _check_probabilities(models: Sequence[Model]) -> None:
    """Raise ValueError if no model has the probabilities of all cases."""
    if {model.name for model in models} - without_probabilities(models):
        return
    lacking = (
        f"{model.label} has those of other labels"
        if model.other_labels
        else f"{model.label} lacks {len(model.cases_without_probabilities)} of {len(model.predictions)}"
        for model in models
        if model.cases_without_probabilities
    )
    raise ValueError(
        "--boxes needs probabilities, for the boxes' scores, but no model has those of all cases: "
        f"{', '.join(lacking)}. "
        f"{PREDICT_AGAIN[0].upper()}{PREDICT_AGAIN[1:]}."
    )


def _shown_cases(
    rows: Sequence[dict], models: Sequence[Model], baseline: str, truth: GroundTruth, slice_axis: int
) -> tuple[list[ShownCase], list[str]]:
    """From the first run, and what is wrong with images that are not shown."""
    first = models[0].run
    rows = [row for row in rows if row.get("run", "") == first]
    return select_cases(rows, [model for model in models if model.run == first], baseline, truth, slice_axis)

"""A model's figures beside a reference's: in the same runs, on the same patients, cases and structures."""

from collections.abc import Callable

import pandas as pd

from ..evaluation.metrics import METRICS
from ..evaluation.runs import RunComparison, compare_runs
from ..evaluation.segmentations import FOREGROUND
from ..evaluation.statistics import Comparison, PairedDifference, compare, paired_difference, patient_means
from .run_column import RUN, case_keys
from .summary import MEAN


def paired_cases(
    cases: pd.DataFrame, model: str, reference: str, structure: str = MEAN, column: str = "dice"
) -> tuple[dict, dict]:
    """({case: figure of the model}, {case: figure of the reference}) of the same cases and classes.

    A structure that is not in the truth, and that one of the two hallucinates, counts as perfect for the other: were it
    left out, hallucinations would cost nothing here. What is in neither prediction either counts nothing. Of several
    runs the key is (run, case), and the two models' same runs are paired.

    Args:
        column: a key of `METRICS`.

    Raises:
        ValueError: a case is there of one of the two only.
    """
    own = cases[cases.structure != FOREGROUND] if structure == MEAN else cases[cases.structure == structure]
    keys = case_keys(cases)
    columns = [own[own.model == name].set_index([*keys, "structure"])[column] for name in (model, reference)]
    ours, theirs = (set(figures.index.droplevel("structure")) for figures in columns)
    if alone := ours ^ theirs:
        raise ValueError(
            f"{model} and {reference} have different cases: {len(alone)} of one only, such as {min(alone)!r}. "
            "Compare them on those that both have."
        )
    both = pd.concat(columns, axis=1, keys=["ours", "theirs"]).dropna(how="all").fillna(METRICS[column].best)
    by_case = both.groupby(level=keys).mean()
    return by_case.ours.to_dict(), by_case.theirs.to_dict()


def paired_patients(
    cases: pd.DataFrame, model: str, reference: str, structure: str, column: str = "dice"
) -> tuple[dict[str, float], dict[str, float]]:
    """As `paired_cases`, {patient: mean over the patient's cases in all runs}."""
    patient_of = _patient_of(cases)
    ours, theirs = (
        patient_means({case: {structure: figure} for case, figure in by_case.items()}, patient_of)
        for by_case in paired_cases(cases, model, reference, structure, column)
    )
    return ours, theirs


def paired_runs(
    cases: pd.DataFrame, model: str, reference: str, structure: str, column: str = "dice"
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """As `paired_cases` of several runs, {run: {patient: mean over the patient's cases}}."""
    patient_of = _patient_of(cases)
    found = []
    for by_case in paired_cases(cases, model, reference, structure, column):
        of_run: dict[str, dict] = {}
        for (run, case), figure in by_case.items():
            of_run.setdefault(run, {})[run, case] = {structure: figure}
        found.append({run: patient_means(figures, patient_of) for run, figures in of_run.items()})
    return found[0], found[1]


def _patient_of(cases: pd.DataFrame) -> Callable[[str | tuple[str, str]], str]:
    """Of a case as `case_keys` names it."""
    keys = case_keys(cases)
    named = zip(*(cases[key] for key in keys), strict=True) if len(keys) > 1 else cases.case
    return dict(zip(named, cases.patient, strict=True)).__getitem__


def paired(cases: pd.DataFrame, model: str, reference: str, structure: str) -> Comparison | RunComparison:
    """Dice of `model` against `reference`, see `paired_cases`; of several runs over these too."""
    if RUN in cases:
        ours, theirs = paired_runs(cases, model, reference, structure)
        return compare_runs(theirs, ours)
    ours, theirs = paired_patients(cases, model, reference, structure)
    return compare(theirs, ours)


def interval(
    cases: pd.DataFrame, model: str, reference: str, structure: str, column: str
) -> PairedDifference:
    """Of any column, without a test; see `paired`."""
    if RUN in cases:
        ours, theirs = paired_runs(cases, model, reference, structure, column)
        return compare_runs(theirs, ours).difference
    ours, theirs = paired_patients(cases, model, reference, structure, column)
    return paired_difference(theirs, ours)

"""Models against a reference, from the tidy case table: on the same patients, cases and structures."""

from collections.abc import Mapping, Sequence

import pandas as pd

from ..evaluation.segmentations import FOREGROUND
from ..evaluation.statistics import Comparison, compare, holm, paired_difference, patient_means
from .summary import MEAN, structures_of, with_mean
from .tables import Table, number

AT_BEST = {"dice": 1.0, "nsd": 1.0, "hd95": 0.0}  # what a structure counts that is rightly left out


def paired_cases(
    cases: pd.DataFrame, model: str, reference: str, structure: str = MEAN, column: str = "dice"
) -> tuple[dict[str, float], dict[str, float]]:
    """({case: figure of the model}, {case: figure of the reference}) of the same cases and classes.

    A structure that is not in the truth, and that one of the two hallucinates, counts as perfect for the other: were it
    left out, hallucinations would cost nothing here. What is in neither prediction either counts nothing.

    Args:
        column: dice, nsd or hd95.

    Raises:
        ValueError: a case is there of one of the two only.
    """
    own = cases[cases.structure != FOREGROUND] if structure == MEAN else cases[cases.structure == structure]
    if alone := set(own.case[own.model == model]) ^ set(own.case[own.model == reference]):
        raise ValueError(
            f"{model} and {reference} have different cases: {len(alone)} of one only, such as {min(alone)!r}. "
            "Compare them on those that both have."
        )
    columns = [own[own.model == name].set_index(["case", "structure"])[column] for name in (model, reference)]
    both = pd.concat(columns, axis=1, keys=["ours", "theirs"]).dropna(how="all").fillna(AT_BEST[column])
    by_case = both.groupby(level="case").mean()
    return by_case.ours.to_dict(), by_case.theirs.to_dict()


def paired_patients(
    cases: pd.DataFrame, model: str, reference: str, structure: str, column: str = "dice"
) -> tuple[dict[str, float], dict[str, float]]:
    """As `paired_cases`, {patient: mean over the patient's cases}."""
    patient_of = dict(zip(cases.case, cases.patient, strict=True)).__getitem__
    ours, theirs = (
        patient_means({case: {structure: figure} for case, figure in by_case.items()}, patient_of)
        for by_case in paired_cases(cases, model, reference, structure, column)
    )
    return ours, theirs


def paired(cases: pd.DataFrame, model: str, reference: str, structure: str) -> Comparison:
    """Dice of `model` against `reference`, see `paired_cases`."""
    ours, theirs = paired_patients(cases, model, reference, structure)
    return compare(theirs, ours)


def corrected(
    found: Mapping[tuple[str, str], Comparison], overall: str, single: Sequence[str]
) -> dict[tuple[str, str], float]:
    """p-values of comparisons by (structure, model), corrected (Holm).

    Those that verdicts rest on, of the structure `overall` and the models `single`, are one family, all others another:
    saving probabilities, which adds ensembles, changes no verdict.
    """
    p_values = {key: comparison.p for key, comparison in found.items()}
    of_verdict = {key: p for key, p in p_values.items() if key[0] == overall and key[1] in single}
    others = {key: p for key, p in p_values.items() if key not in of_verdict}
    return holm(of_verdict) | holm(others)


def difference_table(
    cases: pd.DataFrame, models: Sequence[str], reference: str, single: Sequence[str] | None = None
) -> Table:
    """Every model but the reference against it; `single` are those that are no ensembles, by default all."""
    columns = (
        "structure",
        "model",
        "Dice difference [95 % CI]",
        "n",
        "better / equal / worse",
        "p (Wilcoxon)",
        "p (Holm)",
    )
    found = {
        (structure, model): paired(cases, model, reference, structure)
        for structure in with_mean(structures_of(cases))
        for model in models
        if model != reference
    }
    adjusted = corrected(found, with_mean(structures_of(cases))[0], models if single is None else single)
    rows = [
        (
            structure,
            model,
            str(c.difference),
            str(c.n),
            f"{c.wins} / {c.ties} / {c.losses}",
            number(c.p, ".3g"),
            number(adjusted[structure, model], ".3g"),
        )
        for (structure, model), c in found.items()
    ]
    note = (
        f"To {reference}, on the same patients, cases and classes; where one of the two hallucinates a structure, the "
        "other, rightly empty, counts 1. Mean of the paired differences of patients, percentile bootstrap with 10,000 "
        "draws. Holm's correction is over all models but ensembles for the first structure, on which the verdicts "
        "rest, and over all other rows."
    )
    return Table("Differences", columns, tuple(rows), note)


def surface_table(cases: pd.DataFrame, models: Sequence[str], reference: str, tolerance: float) -> Table:
    """Differences of NSD and HD95, of which no verdict speaks: intervals without tests."""
    rows = []
    for structure in with_mean(structures_of(cases)):
        for model in models:
            if model != reference:
                figures = []
                for column, digits in (("nsd", 3), ("hd95", 1)):
                    ours, theirs = paired_patients(cases, model, reference, structure, column)
                    figures.append(paired_difference(theirs, ours).text(digits))
                rows.append((structure, model, *figures))
    columns = (
        "structure",
        "model",
        f"NSD at {tolerance:g} mm, difference [95 % CI]",
        "HD95 [mm], difference [95 % CI]",
    )
    note = (
        f"To {reference}, paired as above; higher NSD and lower HD95 are better. A structure missed or hallucinated "
        "counts 0 and the volume's diagonal. Not tested and not corrected: the verdicts rest on Dice."
    )
    return Table("Differences at the surface", columns, tuple(rows), note)


def worst_table(cases: pd.DataFrame, models: Sequence[str], reference: str, n: int = 5) -> Table:
    rows = []
    for model in models:
        if model == reference:
            continue
        ours, theirs = paired_patients(cases, model, reference, MEAN)
        deltas = {patient: ours[patient] - theirs[patient] for patient in ours}
        for patient in sorted(deltas, key=deltas.__getitem__)[:n]:
            rows.append(
                (model, patient, f"{ours[patient]:.3f}", f"{theirs[patient]:.3f}", f"{deltas[patient]:+.3f}")
            )
    columns = ("model", "patient", "Dice", f"Dice of {reference}", "difference")
    return Table(
        "Lowest differences",
        columns,
        tuple(rows),
        f"The {n} patients with the lowest difference of each model.",
    )

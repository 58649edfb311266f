"""From the tidy case table to what a report says. Patients are the unit everywhere."""

from collections.abc import Mapping, Sequence

import pandas as pd

from ..evaluation.segmentations import FOREGROUND
from ..evaluation.slice_profile import PARTS
from ..evaluation.statistics import Comparison, compare, holm, patient_means
from .tables import Table, mean_sd, median_iqr, number

MEAN = "mean of classes"


def patient_figures(
    cases: pd.DataFrame, model: str, structure: str, column: str = "dice"
) -> dict[str, float]:
    """{patient: figure}: the mean over the patient's cases; `MEAN` averages a case's classes first.

    Where the figure is not applicable (the structure is in neither) the case is left out.
    """
    own = cases[cases.model == model]
    own = own[own.structure != FOREGROUND] if structure == MEAN else own[own.structure == structure]
    by_case: dict[str, dict[str, float]] = {}
    for row in own.to_dict("records"):
        by_case.setdefault(row["case"], {})[row["structure"]] = row[column]
    patient_of = dict(zip(own.case, own.patient, strict=True))
    return patient_means(by_case, patient_of.__getitem__)


def structures_of(cases: pd.DataFrame) -> list[str]:
    """Classes in the data set's order, then the foreground."""
    return list(dict.fromkeys(cases.structure))


def with_mean(structures: Sequence[str]) -> list[str]:
    """The structures, after their mean where there is more than one."""
    classes = [s for s in structures if s != FOREGROUND]
    return [MEAN, *structures] if len(classes) > 1 else list(structures)


def paired_cases(
    cases: pd.DataFrame, model: str, reference: str, structure: str = MEAN
) -> tuple[dict[str, float], dict[str, float]]:
    """({case: Dice of the model}, {case: Dice of the reference}) of the same cases and classes.

    A structure that is not in the truth, and that one of the two hallucinates, counts 1 for the other: were it left
    out, hallucinations would cost nothing here. What is in neither prediction either counts nothing.
    """
    own = cases[cases.structure != FOREGROUND] if structure == MEAN else cases[cases.structure == structure]
    columns = [own[own.model == name].set_index(["case", "structure"]).dice for name in (model, reference)]
    both = pd.concat(columns, axis=1, keys=["ours", "theirs"]).dropna(how="all").fillna(1.0)
    by_case = both.groupby(level="case").mean()
    return by_case.ours.to_dict(), by_case.theirs.to_dict()


def paired_patients(
    cases: pd.DataFrame, model: str, reference: str, structure: str
) -> tuple[dict[str, float], dict[str, float]]:
    """As `paired_cases`, {patient: mean over the patient's cases}."""
    patient_of = dict(zip(cases.case, cases.patient, strict=True)).__getitem__
    ours, theirs = (
        patient_means({case: {structure: dice} for case, dice in by_case.items()}, patient_of)
        for by_case in paired_cases(cases, model, reference, structure)
    )
    return ours, theirs


def paired(cases: pd.DataFrame, model: str, reference: str, structure: str) -> Comparison:
    """`model` against `reference`, see `paired_cases`."""
    ours, theirs = paired_patients(cases, model, reference, structure)
    return compare(theirs, ours)


def accuracy_table(cases: pd.DataFrame, models: Sequence[str], tolerance: float) -> Table:
    columns = (
        "structure", "model", "n", "Dice, mean ± SD", "Dice, median [IQR]", f"NSD at {tolerance:g} mm",
        "HD95 [mm]", "HD [mm]", "volume error [ml]", "missed", "hallucinated", "in neither",
    )  # fmt: skip
    rows = []
    for structure in with_mean(structures_of(cases)):
        for model in models:
            figures = {
                column: patient_figures(cases, model, structure, column).values()
                for column in ("dice", "nsd", "hd95", "hd", "volume_error_ml")
            }
            of_both = cases[(cases.model == model) & ((cases.structure == structure) | (structure == MEAN))]
            of_both = of_both[of_both.structure != FOREGROUND] if structure == MEAN else of_both
            rows.append(
                (
                    structure,
                    model,
                    str(len(figures["dice"])),
                    mean_sd(figures["dice"]),
                    median_iqr(figures["dice"]),
                    mean_sd(figures["nsd"]),
                    mean_sd(figures["hd95"], 1),
                    mean_sd(figures["hd"], 1),
                    mean_sd(figures["volume_error_ml"], 1),
                    str((of_both.presence == "missed").sum()),
                    str((of_both.presence == "hallucinated").sum()),
                    str((of_both.presence == "absent").sum()),
                )
            )
    note = (
        "Mean ± SD over patients, n patients; the volume error is predicted minus true volume. Missed and hallucinated "
        "structures, counted by case and class, have Dice 0 and the volume's diagonal as distance; a structure in "
        "neither truth nor prediction counts nothing."
    )
    return Table("Accuracy", columns, tuple(rows), note)


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


def slice_table(cases: pd.DataFrame, models: Sequence[str]) -> Table:
    rows = []
    for structure in with_mean(structures_of(cases)):
        for model in models:
            by_part = [
                mean_sd(patient_figures(cases, model, structure, f"dice_{part}").values()) for part in PARTS
            ]
            continuity = mean_sd(patient_figures(cases, model, structure, "continuity_error").values())
            rows.append((structure, model, *by_part, continuity))
    columns = ("structure", "model", *(f"Dice, {part} fifth" for part in PARTS), "continuity error")
    note = (
        "Along the slices, from the first to the last slice of the true structure, as its file has them: where files "
        "run in both directions, the ends are mixed. Continuity error: mean absolute "
        "difference between the overlap of neighbouring slices in the prediction and in the truth; 0 is as continuous "
        "as the truth. Mean ± SD over patients."
    )
    return Table("Within the stack", columns, tuple(rows), note)

"""Tables of models against a reference. With several runs, see `run_tables` for Dice."""

from collections.abc import Mapping, Sequence

import pandas as pd

from ..evaluation.metrics import METRICS, PAIRED
from ..evaluation.runs import RunComparison
from ..evaluation.statistics import Comparison, holm
from .pairing import interval, paired, paired_patients
from .run_column import RUN
from .summary import MEAN, structures_of, with_mean
from .tables import Table, number

Found = Mapping[tuple[str, str], Comparison | RunComparison]  # by (structure, model)
OF_ONE_RUN = "over patients of one run: another run of the same model may differ by more"
OF_RUNS = "over runs and patients"
FAMILIES = (
    "Holm's correction is over all models but ensembles for the first structure, on which the verdicts rest, and over "
    "all other rows."
)


def all_pairs(cases: pd.DataFrame, models: Sequence[str], reference: str) -> Found:
    """Every model but the reference against it, in every structure and their mean."""
    structures = with_mean(structures_of(cases))
    others = [model for model in models if model != reference]
    return {(s, model): paired(cases, model, reference, s) for s in structures for model in others}


def corrected(found: Found, overall: str, single: Sequence[str]) -> dict[tuple[str, str], float]:
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
    """Every model but the reference against it, in one run; `single` are no ensembles, by default all models."""
    columns = (
        "structure",
        "model",
        "Dice difference [95 % CI]",
        "n",
        "better / equal / worse",
        "p (Wilcoxon)",
        "p (Holm)",
    )
    found = all_pairs(cases, models, reference)
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
        f"draws, {OF_ONE_RUN}. {FAMILIES}"
    )
    return Table("Differences", columns, tuple(rows), note)


def surface_table(cases: pd.DataFrame, models: Sequence[str], reference: str, tolerance: float) -> Table:
    """Differences of the paired metrics but Dice, of which no verdict speaks: intervals without tests."""
    others, rows = [name for name in PAIRED if name != "dice"], []
    for structure in with_mean(structures_of(cases)):
        for model in models:
            if model != reference:
                found = (
                    interval(cases, model, reference, structure, name).text(METRICS[name].digits)
                    for name in others
                )
                rows.append((structure, model, *found))
    headings = (f"{METRICS[name].heading(tolerance)}, difference [95 % CI]" for name in others)
    columns = ("structure", "model", *headings)
    note = (
        f"To {reference}, paired as above; higher NSD and lower HD95 are better. A structure missed or hallucinated "
        f"counts 0 and the volume's diagonal. The intervals are {OF_RUNS if RUN in cases else OF_ONE_RUN}. Not tested "
        "and not corrected: the verdicts rest on Dice."
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
    note = f"The {n} patients with the lowest difference of each model."
    if RUN in cases:
        note += " Figures are the mean of the runs that have the patient."
    return Table("Lowest differences", columns, tuple(rows), note)

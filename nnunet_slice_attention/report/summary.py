"""Figures of each model, from the tidy case table. Patients are the unit everywhere."""

from collections.abc import Sequence

import pandas as pd

from ..evaluation.metrics import METRICS, TABULATED
from ..evaluation.segmentations import FOREGROUND
from ..evaluation.slice_profile import PARTS
from ..evaluation.statistics import patient_means
from .run_column import RUN, case_keys
from .tables import Table, mean_sd, median_iqr

MEAN = "mean of classes"


def patient_figures(
    cases: pd.DataFrame, model: str, structure: str, column: str = "dice"
) -> dict[str, float]:
    """{patient: figure}: the mean over the patient's cases in all runs; `MEAN` averages a case's classes first.

    Where the figure is not applicable (the structure is in neither) the case is left out.
    """
    own = cases[cases.model == model]
    own = own[own.structure != FOREGROUND] if structure == MEAN else own[own.structure == structure]
    by_case: dict[tuple[str, ...], dict[str, float]] = {}
    for row in own.to_dict("records"):
        case = tuple(row[key] for key in case_keys(cases))
        by_case.setdefault(case, {})[row["structure"]] = row[column]
    patient_of = dict(zip(own.case, own.patient, strict=True))
    return patient_means(by_case, lambda case: patient_of[case[-1]])


def structures_of(cases: pd.DataFrame) -> list[str]:
    """Classes in the data set's order, then the foreground."""
    return list(dict.fromkeys(cases.structure))


def with_mean(structures: Sequence[str]) -> list[str]:
    """The structures, after their mean where there is more than one."""
    classes = [s for s in structures if s != FOREGROUND]
    return [MEAN, *structures] if len(classes) > 1 else list(structures)


def accuracy_table(cases: pd.DataFrame, models: Sequence[str], tolerance: float) -> Table:
    others = [name for name in TABULATED if name != "dice"]
    columns = (
        "structure", "model", "n", "Dice, mean ± SD", "Dice, median [IQR]",
        *(METRICS[name].heading(tolerance) for name in others), "missed", "hallucinated", "in neither",
    )  # fmt: skip
    rows = []
    for structure in with_mean(structures_of(cases)):
        for model in models:
            figures = {
                column: patient_figures(cases, model, structure, column).values() for column in TABULATED
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
                    *(mean_sd(figures[name], METRICS[name].digits) for name in others),
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
    if RUN in cases:
        note += (
            " A patient's figure is the mean of the runs that have the patient; all runs' cases are counted."
        )
    return Table("Accuracy", columns, tuple(rows), note)


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

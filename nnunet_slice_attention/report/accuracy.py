"""Metrics of each model: how accurate, and where along the slices."""

from ..evaluation.metrics import METRICS, TABULATED
from ..evaluation.scores import Scores
from ..evaluation.slice_profile import PARTS
from .tables import Table, mean_sd, median_iqr


def accuracy_table(scores: Scores, tolerance: float) -> Table:
    others = [name for name in TABULATED if name != "dice"]
    columns = (
        "structure", "model", "n", "Dice, mean ± SD", "Dice, median [IQR]",
        *(METRICS[name].heading(tolerance) for name in others), "missed", "hallucinated", "in neither",
    )  # fmt: skip
    rows = []
    for structure in scores.structures:
        for model in scores.models:
            values = {name: scores.values(model, structure, name).values() for name in TABULATED}
            presence = scores.presence(model, structure)
            rows.append(
                (
                    structure,
                    model,
                    str(len(values["dice"])),
                    mean_sd(values["dice"]),
                    median_iqr(values["dice"]),
                    *(mean_sd(values[name], METRICS[name].digits) for name in others),
                    *(str(presence[kind]) for kind in ("missed", "hallucinated", "absent")),
                )
            )
    note = (
        "Mean ± SD over patients, n patients; the volume error is predicted minus true volume. Missed and hallucinated "
        "structures, counted by case and class, have Dice 0 and the volume's diagonal as distance; a structure in "
        "neither truth nor prediction counts nothing."
    )
    if scores.runs:
        note += (
            " A patient's figure is the mean of the runs that have the patient; all runs' cases are counted."
        )
    return Table("Accuracy", columns, tuple(rows), note)


def slice_table(scores: Scores) -> Table:
    metrics = [*(f"dice_{part}" for part in PARTS), "continuity_error"]
    rows = [
        (structure, model, *(mean_sd(scores.values(model, structure, name).values()) for name in metrics))
        for structure in scores.structures
        for model in scores.models
    ]
    columns = ("structure", "model", *(f"Dice, {part} fifth" for part in PARTS), "continuity error")
    note = (
        "Along the slices, from the first to the last slice of the true structure, as its file has them: where files "
        "run in both directions, the ends are mixed. Continuity error: mean absolute "
        "difference between the overlap of neighbouring slices in the prediction and in the truth; 0 is as continuous "
        "as the truth. Mean ± SD over patients."
    )
    return Table("Within the stack", columns, tuple(rows), note)

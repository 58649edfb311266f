"""The tables "Accuracy" and "Within the stack": metrics of each model, per volume and along the slices."""

from ..evaluation.metrics import METRICS, TABULATED
from ..evaluation.scores import Scores
from ..evaluation.slice_profile import PARTS
from .tables import Table, mean_sd, median_iqr


def accuracy_table(scores: Scores, tolerance: float) -> Table:
    others = [name for name in TABULATED if name != "dice"]
    columns = (
        "structure", "model", "n", "Dice, mean ± SD", "Dice, median [IQR]",
        *(METRICS[name].heading(tolerance) for name in others), "missed", "hallucinated", "absent",
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
        "Mean ± SD over patients; n: number of patients. Volume error is predicted minus true volume. Missed and "
        "hallucinated structures, counted per case and class, have Dice 0 and the volume's diagonal as distance; "
        "structures in neither ground truth nor prediction are ignored."
    )
    if scores.runs:
        note += (
            " A patient's value is the mean over the runs that include the patient; counts are over all runs."
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
        "Fifths of the structure, from its first to its last slice in the ground truth, in file order: if slice order "
        "differs between files, the two ends are mixed. Continuity error: mean absolute difference between the overlap "
        "of neighbouring slices in the prediction and in the ground truth; 0 is as continuous as the ground truth. "
        "Mean ± SD over patients."
    )
    return Table("Within the stack", columns, tuple(rows), note)

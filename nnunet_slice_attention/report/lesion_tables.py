"""The tables "Lesions" and "FROC": lesion-wise detection."""

from collections.abc import Mapping, Sequence

from ..evaluation.froc import RATES, sensitivity_at
from ..evaluation.scores import MEAN, Scores
from .tables import Table, in_each_folder, mean_sd, number


def lesion_table(scores: Scores, sizes: Mapping[str, str]) -> Table:
    """`sizes` maps the keys of `SIZE_NAMES` to their bounds, e.g. {"small": "< 15 mm"}."""
    rows = []
    for structure in scores.structures:
        if structure == MEAN:
            continue
        for model in scores.models:
            own = scores.rows(model, structure)
            sensitivity = own.lesions_found.sum() / own.lesions.sum() if own.lesions.sum() else float("nan")
            dice_by_size = [
                mean_sd(scores.values(model, structure, f"lesion_dice_{size}").values()) for size in sizes
            ]
            rows.append(
                (
                    structure,
                    model,
                    f"{int(own.lesions.sum())}",
                    number(sensitivity, ".3f"),
                    f"{own.lesion_false_positives.mean():.2f}",
                    *dice_by_size,
                )
            )
    columns = (
        "structure",
        "model",
        "lesions",
        "sensitivity",
        "false positives per volume",
        *(f"Dice, {s} ({mm})" for s, mm in sizes.items()),
    )
    cases = scores.cases
    folders = cases.run.nunique() if "run" in cases else 1
    note = (
        "Connected components, found from a Dice of 0.1 against the predicted components that touch them; sizes are "
        "diameters of spheres of equal volume. Sensitivity and false positives are pooled over "
        f"{cases.case.nunique()} volumes of {cases.patient.nunique()} patients{in_each_folder(folders)}; Dice is "
        "mean ± SD over patients."
    )
    return Table("Lesions", columns, tuple(rows), note)


def froc_table(froc: Sequence[Mapping]) -> Table:
    """From `froc_counts` with model, case, structure and, if there are several, run; no rows without counts."""
    groups: dict[tuple[str, str], list[Mapping]] = {}
    for row in froc:
        groups.setdefault((row["structure"], row["model"]), []).append(row)
    rows = [(*group, *(number(s, ".3f") for s in sensitivity_at(counts))) for group, counts in groups.items()]
    columns = ("structure", "model", *(f"at {rate:g} FP" for rate in RATES))
    volumes, folders = len({row["case"] for row in froc}), len({row.get("run") for row in froc})
    note = (
        "Highest sensitivity over all thresholds at no more than this many false positives per volume (FP), pooled "
        f"over {volumes} volumes{in_each_folder(folders)}."
    )
    return Table("FROC", columns, tuple(rows), note)

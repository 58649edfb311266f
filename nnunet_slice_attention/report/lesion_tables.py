"""Lesion by lesion: found, missed and made up."""

from collections.abc import Mapping, Sequence

from ..evaluation.froc import RATES, sensitivity_at
from ..evaluation.scores import MEAN, Scores
from .tables import Table, mean_sd, number


def lesion_table(scores: Scores, sizes: Mapping[str, str]) -> Table:
    rows = []
    for structure in scores.structures:
        if structure == MEAN:
            continue
        for model in scores.models:
            own = scores.rows(model, structure)
            sensitivity = own.lesions_found.sum() / own.lesions.sum() if own.lesions.sum() else float("nan")
            by_size = [
                mean_sd(scores.values(model, structure, f"lesion_dice_{size}").values()) for size in sizes
            ]
            rows.append(
                (
                    structure,
                    model,
                    f"{int(own.lesions.sum())}",
                    number(sensitivity, ".3f"),
                    f"{own.lesions_made_up.mean():.2f}",
                    *by_size,
                )
            )
    columns = (
        "structure",
        "model",
        "lesions",
        "sensitivity",
        "false positives a volume",
        *(f"Dice, {s} ({mm})" for s, mm in sizes.items()),
    )
    cases = scores.cases
    folders = cases.run.nunique() if "run" in cases else 1
    note = (
        "Connected components, found at a Dice of 0.1 with all that touches; diameter of the sphere of equal volume. "
        f"Sensitivity and false positives are pooled over {cases.case.nunique()} volumes of {cases.patient.nunique()} "
        f"patients{_each_in(folders)}, Dice is mean ± SD over patients."
    )
    return Table("Lesions", columns, tuple(rows), note)


def froc_table(froc: Sequence[Mapping]) -> Table:
    groups: dict[tuple[str, str], list[Mapping]] = {}
    for row in froc:
        groups.setdefault((row["structure"], row["model"]), []).append(row)
    rows = [(*group, *(number(s, ".3f") for s in sensitivity_at(counts))) for group, counts in groups.items()]
    columns = ("structure", "model", *(f"{rate:g}" for rate in RATES))
    volumes, folders = len({row["case"] for row in froc}), len({row.get("run") for row in froc})
    note = (
        "Highest sensitivity over all thresholds, at no more than so many false positives a volume; pooled over "
        f"{volumes} volumes{_each_in(folders)}."
    )
    return Table("FROC", columns, tuple(rows), note)


def _each_in(folders: int) -> str:
    """What a sentence on pooled volumes adds where each is there once per results folder."""
    return f", each in {folders} runs" if folders > 1 else ""

"""Dice against the distance between slices, where the cases differ in it."""

from collections.abc import Mapping

import pandas as pd

from ..evaluation.scores import Scores
from .tables import Table, mean_sd

MOST_GROUPS = 6  # more spacings than this are pooled


def by_spacing(scores: Scores) -> dict[str, Scores]:
    """{"3 mm": those of the cases with slices 3 mm apart}, thin to thick; empty if all have the same spacing.

    Spacings are rounded to 0.01 mm. More than `MOST_GROUPS` of them are pooled to quarters of the cases, named
    "2.5-3.3 mm".
    """
    spacing = scores.cases.groupby("case").spacing_mm.first().round(2)
    values = sorted(spacing.unique())
    if len(values) < 2:
        return {}
    if len(values) <= MOST_GROUPS:
        return {f"{value:g} mm": scores.where(case=set(spacing.index[spacing == value])) for value in values}
    groups = {}
    for _, quarter in spacing.groupby(pd.qcut(spacing, 4, labels=False, duplicates="drop")):
        low, high = quarter.min(), quarter.max()
        name = f"{low:g}-{high:g} mm" if low < high else f"{low:g} mm"
        groups[name] = scores.where(case=set(quarter.index))
    return groups


def spacing_table(scores: Scores, groups: Mapping[str, Scores]) -> Table:
    """One column per spacing; no rows if there are no groups, see `by_spacing`."""
    rows = []
    for structure in scores.structures if groups else ():
        for model in scores.models:
            found = [list(group.values(model, structure).values()) for group in groups.values()]
            rows.append((structure, model, *(f"{mean_sd(dice)} (n = {len(dice)})" for dice in found)))
    note = (
        "Dice by the distance between slices; mean ± SD over the n patients with such cases. Where a patient has only "
        "one spacing, columns are different patients, and differ in more than the spacing."
    )
    return Table("By slice spacing", ("structure", "model", *groups), tuple(rows), note)

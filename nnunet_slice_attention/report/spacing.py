"""The table "By slice spacing": Dice against slice spacing, if cases differ in it."""

from collections.abc import Mapping

import pandas as pd

from ..evaluation.scores import Scores
from .tables import Table, mean_sd

MAX_GROUPS = 6  # more spacings than this are pooled


def group_by_spacing(scores: Scores) -> dict[str, Scores]:
    """{"3 mm": scores of the cases with 3 mm slice spacing}, thin to thick; empty if all have the same spacing.

    Spacings are rounded to 0.01 mm. More than `MAX_GROUPS` of them are pooled into quartiles of the cases, named e.g.
    "2.5-3.3 mm".
    """
    spacing = scores.cases.groupby("case").spacing_mm.first().round(2)
    values = sorted(spacing.unique())
    if len(values) < 2:
        return {}
    if len(values) <= MAX_GROUPS:
        return {f"{value:g} mm": scores.where(case=set(spacing.index[spacing == value])) for value in values}
    groups = {}
    for _, quartile in spacing.groupby(pd.qcut(spacing, 4, labels=False, duplicates="drop")):
        low, high = quartile.min(), quartile.max()
        name = f"{low:g}-{high:g} mm" if low < high else f"{low:g} mm"
        groups[name] = scores.where(case=set(quartile.index))
    return groups


def spacing_table(scores: Scores, groups: Mapping[str, Scores]) -> Table:
    """One column per group of `group_by_spacing`; no rows if there are none."""
    rows = []
    for structure in scores.structures if groups else ():
        for model in scores.models:
            cells = [list(group.values(model, structure).values()) for group in groups.values()]
            rows.append((structure, model, *(f"{mean_sd(dice)} (n = {len(dice)})" for dice in cells)))
    note = (
        "Dice by slice spacing: mean ± SD over the n patients with such cases. If each patient has one spacing, "
        "columns are different patients, who may differ in more than the spacing."
    )
    return Table("By slice spacing", ("structure", "model", *groups), tuple(rows), note)

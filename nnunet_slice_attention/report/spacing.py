"""Dice against the distance between slices, where the cases differ in it."""

from collections.abc import Mapping, Sequence

import pandas as pd

from .summary import patient_figures, structures_of, with_mean
from .tables import Table, mean_sd

MOST_GROUPS = 6  # more spacings than this are pooled


def spacing_groups(cases: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """{"3 mm": the cases with slices 3 mm apart}, thin to thick; empty if all have the same spacing.

    Spacings are rounded to 0.01 mm. More than `MOST_GROUPS` of them are pooled to quarters of the cases, named
    "2.5-3.3 mm".
    """
    spacing = cases.spacing_mm.round(2)
    values = sorted(spacing.unique())
    if len(values) < 2:
        return {}
    if len(values) <= MOST_GROUPS:
        return {f"{value:g} mm": cases[spacing == value] for value in values}
    of_cases = spacing.groupby(cases.case).first()
    quarters = pd.qcut(of_cases, 4, labels=False, duplicates="drop").reindex(cases.case).to_numpy()
    groups = {}
    for quarter in sorted(set(quarters)):
        low, high = spacing[quarters == quarter].min(), spacing[quarters == quarter].max()
        groups[f"{low:g}-{high:g} mm" if low < high else f"{low:g} mm"] = cases[quarters == quarter]
    return groups


def dice_by_spacing(groups: Mapping[str, pd.DataFrame], model: str, structure: str) -> dict[str, list[float]]:
    """{spacing: Dice of each patient who has cases of it}."""
    return {name: list(patient_figures(cases, model, structure).values()) for name, cases in groups.items()}


def spacing_table(cases: pd.DataFrame, models: Sequence[str]) -> Table:
    """One column a spacing; no rows if all cases have the same."""
    groups = spacing_groups(cases)
    rows = []
    for structure in with_mean(structures_of(cases)) if groups else ():
        for model in models:
            found = dice_by_spacing(groups, model, structure).values()
            rows.append((structure, model, *(f"{mean_sd(dice)} (n = {len(dice)})" for dice in found)))
    note = (
        "Dice by the distance between slices; mean ± SD over the n patients with such cases. Where a patient has only "
        "one spacing, columns are different patients, and differ in more than the spacing."
    )
    return Table("By slice spacing", ("structure", "model", *groups), tuple(rows), note)

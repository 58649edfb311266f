"""Statistics over patients: volumes of one patient are not independent of each other."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping
from statistics import mean
from typing import NamedTuple, TypeVar

import numpy as np
from scipy.stats import bootstrap, wilcoxon

ALPHA = 0.05
Key = TypeVar("Key", bound=Hashable)


class PairedDifference(NamedTuple):
    """Mean over patients of (other - baseline), and the bounds of its 95 % interval; NaN for fewer than two."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return self.text(4)

    def text(self, digits: int) -> str:
        """ "-0.0123 [-0.0200, -0.0040]", with so many decimals; "n/a" for what is NaN."""
        if np.isnan(self.mean):
            return "n/a"
        bounds = "n/a" if np.isnan(self.low) else f"{self.low:+.{digits}f}, {self.high:+.{digits}f}"
        return f"{self.mean:+.{digits}f} [{bounds}]"


def patient_means(
    dice: Mapping[str, Mapping[str, float]], patient_of: Callable[[str], str]
) -> dict[str, float]:
    """{case: {class: Dice}} -> {patient: Dice}: the mean over a case's classes, then over a patient's cases.

    A class that is NaN is left out; a case with no other is left out of the patient's mean.
    """
    of_patient = defaultdict(list)
    for case, by_class in dice.items():
        values = [v for v in by_class.values() if not np.isnan(v)]
        if values:
            of_patient[patient_of(case)].append(mean(values))
    return {patient: mean(values) for patient, values in of_patient.items()}


def paired_difference(
    baseline: Mapping[str, float], other: Mapping[str, float], draws: int = 10_000, seed: int = 0
) -> PairedDifference:
    """Mean paired difference with a percentile bootstrap over patients.

    Raises:
        ValueError: the two hold different patients.
    """
    if set(baseline) != set(other):
        raise ValueError(
            f"only one of the two holds {', '.join(sorted(set(baseline) ^ set(other)))}. Compare the same patients."
        )
    deltas = np.array([other[patient] - baseline[patient] for patient in sorted(baseline)])
    if len(deltas) < 2:
        return PairedDifference(float(deltas.mean()) if len(deltas) else np.nan, np.nan, np.nan)
    interval = bootstrap((deltas,), np.mean, n_resamples=draws, method="percentile", rng=seed)
    return PairedDifference(float(deltas.mean()), *map(float, interval.confidence_interval))


class Comparison(NamedTuple):
    """One model against a baseline on the same patients.

    Attributes:
        difference: other - baseline, with its interval.
        wins, ties, losses: patients at which the other is higher, equal (to `tie` or less) or lower.
        p: two-sided Wilcoxon signed-rank test; NaN for fewer than two patients or none that differs.
        n: patients.
    """

    difference: PairedDifference
    wins: int
    ties: int
    losses: int
    p: float
    n: int


def compare(
    baseline: Mapping[str, float],
    other: Mapping[str, float],
    tie: float = 1e-6,
    seed: int = 0,
) -> Comparison:
    """Everything said about two models' figures, {patient: figure}. See `paired_difference`."""
    difference = paired_difference(baseline, other, seed=seed)
    deltas = np.array([other[patient] - baseline[patient] for patient in sorted(baseline)])
    differs = np.abs(deltas) > tie
    p = (
        float(wilcoxon(np.where(differs, deltas, 0)).pvalue)
        if len(deltas) > 1 and differs.any()
        else float("nan")
    )
    return Comparison(
        difference,
        int((deltas[differs] > 0).sum()),
        int((~differs).sum()),
        int((deltas[differs] < 0).sum()),
        p,
        len(deltas),
    )


def holm(p_values: Mapping[Key, float]) -> dict[Key, float]:
    """Adjusted p-values of a family of tests (Holm, *Scand. J. Statist.* 6:65-70, 1979); NaN is no member."""
    tested = sorted(((p, name) for name, p in p_values.items() if not np.isnan(p)), key=lambda pair: pair[0])
    adjusted, largest = {name: float("nan") for name in p_values}, 0.0
    for rank, (p, name) in enumerate(tested):
        largest = max(largest, min(1.0, (len(tested) - rank) * p))
        adjusted[name] = largest
    return adjusted


def smallest_p(patients: int, comparisons: int = 1) -> float:
    """The least that any of Holm's adjusted p-values can be: all patients differ in the same direction."""
    return min(1.0, comparisons * 2.0 ** (1 - patients))


def verdict(name: str, baseline_name: str, comparison: Comparison, p: float, comparisons: int = 1) -> str:
    """One sentence on a difference in Dice, of one run of each model, with its interval and n.

    "Better" and "worse" take an interval without 0 and a p below 0.05: with few patients a percentile bootstrap
    leaves out 0 too often. Where patients are so few that no p could be below 0.05 there is none.

    Args:
        p: of the comparison, corrected for all that are made.
        comparisons: how many these are.
    """
    difference, n = comparison.difference, comparison.n
    title = f"{name} minus {baseline_name}"
    if n == 0:
        return f"{title}: no structure is in any case, so there is nothing to compare."
    if n < 2:
        return f"{title}: {difference.mean:+.4f} Dice, n = {n} is too small for an interval."
    said = f"{title}: {difference} Dice (95 % CI over patients of one run), n = {n}"
    if (least := smallest_p(n, comparisons)) >= ALPHA:
        among = f" among {comparisons} comparisons" if comparisons > 1 else ""
        return f"{said}, too small for a verdict{among}: p cannot be below {least:.2g}."
    if not comparison.wins + comparison.losses:
        return f"{said}, identical."
    said += f", corrected p = {p:.2g}"
    if difference.low <= 0 <= difference.high or not p < ALPHA:
        return f"{said}, not separable."
    return f"{said}: {name} is {'better' if difference.mean > 0 else 'worse'}."

"""Statistics over patients: volumes of one patient are not independent."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping
from statistics import mean
from typing import NamedTuple, TypeVar

import numpy as np
from scipy.stats import bootstrap, wilcoxon

SEED = 0  # of the bootstrap, so that a comparison can be repeated
TIE = 1e-6  # largest difference at which two values count as equal
Key = TypeVar("Key", bound=Hashable)


class PairedDifference(NamedTuple):
    """Mean over patients of (other - baseline), and its 95 % interval; NaN bounds for fewer than two patients."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return self.text(4)

    def text(self, digits: int) -> str:
        """E.g. "-0.0123 [-0.0200, -0.0040]", with `digits` decimals and "n/a" for NaN."""
        if np.isnan(self.mean):
            return "n/a"
        bounds = "n/a" if np.isnan(self.low) else f"{self.low:+.{digits}f}, {self.high:+.{digits}f}"
        return f"{self.mean:+.{digits}f} [{bounds}]"


def patient_means(
    dice: Mapping[str, Mapping[str, float]], get_patient: Callable[[str], str]
) -> dict[str, float]:
    """{case: {class: Dice}} -> {patient: Dice}: mean over a case's classes, then over a patient's cases.

    Classes that are NaN are left out, and cases and patients that have no others.
    """
    by_patient = defaultdict(list)
    for case, by_class in dice.items():
        values = [v for v in by_class.values() if not np.isnan(v)]
        if values:
            by_patient[get_patient(case)].append(mean(values))
    return {patient: mean(values) for patient, values in by_patient.items()}


def paired_difference(
    baseline: Mapping[str, float], other: Mapping[str, float], draws: int = 10_000
) -> PairedDifference:
    """Mean paired difference with a percentile bootstrap over patients.

    Args:
        baseline, other: {patient: value}.
        draws: number of bootstrap samples.

    Raises:
        ValueError: the models have different patients.
    """
    if set(baseline) != set(other):
        raise ValueError(
            f"only one of the two models has {', '.join(sorted(set(baseline) ^ set(other)))}. "
            "Compare the same patients."
        )
    deltas = np.array([other[patient] - baseline[patient] for patient in sorted(baseline)])
    if len(deltas) < 2:
        return PairedDifference(float(deltas.mean()) if len(deltas) else np.nan, np.nan, np.nan)
    interval = bootstrap((deltas,), np.mean, n_resamples=draws, method="percentile", rng=SEED)
    return PairedDifference(float(deltas.mean()), *map(float, interval.confidence_interval))


class Comparison(NamedTuple):
    """One model against a baseline on the same patients.

    Attributes:
        difference: other - baseline, with its interval.
        wins, ties, losses: number of patients with a higher, equal (within `TIE`) or lower value than the baseline's.
        p: two-sided Wilcoxon signed-rank test; NaN for fewer than two patients, or if all are ties.
        n: number of patients.
    """

    difference: PairedDifference
    wins: int
    ties: int
    losses: int
    p: float
    n: int


def compare_patients(baseline: Mapping[str, float], other: Mapping[str, float]) -> Comparison:
    """Compare two models patient by patient, each given as {patient: value}. See `paired_difference`."""
    difference = paired_difference(baseline, other)
    deltas = np.array([other[patient] - baseline[patient] for patient in sorted(baseline)])
    differs = np.abs(deltas) > TIE
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
    """Adjusted p-values of a family of tests (Holm, *Scand. J. Statist.* 6:65-70, 1979); NaN is not counted."""
    tested = sorted(((p, name) for name, p in p_values.items() if not np.isnan(p)), key=lambda pair: pair[0])
    adjusted, largest = {name: float("nan") for name in p_values}, 0.0
    for rank, (p, name) in enumerate(tested):
        largest = max(largest, min(1.0, (len(tested) - rank) * p))
        adjusted[name] = largest
    return adjusted


def smallest_p(patients: int, comparisons: int = 1) -> float:
    """Smallest possible Holm-adjusted p-value, reached if all patients differ in the same direction."""
    return min(1.0, comparisons * 2.0 ** (1 - patients))

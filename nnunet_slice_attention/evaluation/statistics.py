"""Statistics over patients: volumes of one patient are not independent of each other."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from statistics import mean
from typing import NamedTuple

import numpy as np
from scipy.stats import bootstrap


class PairedDifference(NamedTuple):
    """Mean over patients of (other - baseline), and the bounds of its 95 % interval; NaN for fewer than two."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:+.4f} [{self.low:+.4f}, {self.high:+.4f}]"


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

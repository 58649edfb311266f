"""The mean over runs of the mean over each run's patients: t-test and interval with a variance of both levels.

The variance is the sum of the between-run and the between-patient variance, with Satterthwaite's degrees of freedom
(*Biometrics Bulletin* 2:110-114, 1946): few if runs dominate the variance, so that two very different runs decide
little; many if patients do. A patient counts once, in however many runs it is: ten patients under three seeds are not
thirty. It is conservative where each patient is in one run, whose variance then enters at both levels. With two seeds
of one fold the interval is somewhat too narrow, see `benchmark_results/run_intervals`; a percentile bootstrap over runs
and patients would be narrower still. A sign-flip permutation over runs cannot reach p < 0.05 with fewer than six.
"""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

LEVEL = 0.95
Deltas = Mapping[str, Mapping[str, float]]  # {run: {patient: difference}}, no NaN


class TwoLevelMean(NamedTuple):
    """A mean over runs and patients.

    Attributes:
        mean: over runs of the mean over each run's patients.
        error: its standard error; NaN for fewer than two runs or patients.
        freedom: degrees of freedom; NaN if the error is 0 or NaN.
    """

    mean: float
    error: float
    freedom: float

    def interval(self) -> tuple[float, float]:
        """Bounds of the 95 % interval; NaN for fewer than two runs or patients."""
        reach = self.error * student.ppf((1 + LEVEL) / 2, self.freedom) if self.error else 0.0
        return float(self.mean - reach), float(self.mean + reach)

    def p(self) -> float:
        """Of a two-sided t-test; below 0.05 if and only if the interval excludes 0.

        NaN for fewer than two runs or patients, and if all differences are 0.
        """
        if self.error == 0:
            return 0.0 if self.mean else float("nan")
        return float(2 * student.sf(abs(self.mean) / self.error, self.freedom))


def two_level_mean(deltas: Deltas) -> TwoLevelMean:
    """Of at least one run, each with at least one patient."""
    run_means = np.array([np.mean(list(by_patient.values())) for by_patient in deltas.values()])
    mean, runs = float(run_means.mean()), len(run_means)
    shares: Counter[str] = Counter()  # each patient's contribution to the mean's deviation
    for by_patient in deltas.values():
        for patient, delta in by_patient.items():
            shares[patient] += (delta - mean) / (runs * len(by_patient))
    n = len(shares)
    if runs < 2 or n < 2:
        return TwoLevelMean(mean, np.nan, np.nan)
    between_runs = run_means.var(ddof=1) / runs
    between_patients = sum(share**2 for share in shares.values()) * n / (n - 1)
    variance = between_runs + between_patients
    if variance == 0:  # the same difference in all runs and patients
        return TwoLevelMean(mean, 0.0, np.nan)
    freedom = variance**2 / (between_runs**2 / (runs - 1) + between_patients**2 / (n - 1))
    return TwoLevelMean(mean, float(np.sqrt(variance)), float(freedom))

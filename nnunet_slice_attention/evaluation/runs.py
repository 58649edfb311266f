"""Two models on several runs: another run of a model differs from this one by more than its patients show.

A run is one training of every model: one fold, one seed. Two runs of one model differed by 0.005 to 0.010 Dice on a
data set where the interval over the patients of one run was narrower than that.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

from .run_bootstrap import Deltas, interval
from .statistics import ALPHA, PairedDifference, compare

Figures = Mapping[str, Mapping[str, float]]  # {run: {patient: figure}}


class RunComparison(NamedTuple):
    """One model against a baseline in the same runs, on the same patients.

    Attributes:
        difference: other - baseline, the mean over runs of the mean over patients; its interval is over both, or over
            patients if there is one run. No bounds for fewer than two patients.
        of_run: each run's own difference.
        sd: of the runs' differences; NaN for fewer than two.
        wins, ties, losses: runs in which the other is higher, equal or lower.
        p: see `two_level_p`; of one run Wilcoxon's test over its patients.
        runs, n: how many runs and patients; one that several runs have counts once.
    """

    difference: PairedDifference
    of_run: dict[str, float]
    sd: float
    wins: int
    ties: int
    losses: int
    p: float
    runs: int
    n: int


def compare_runs(
    baseline: Figures, other: Figures, tie: float = 1e-6, draws: int = 10_000, seed: int = 0
) -> RunComparison:
    """Everything said about two models' figures. A patient who is NaN for one of the two is left out of the run, a run
    without any other is left out.

    Args:
        tie: up to which two figures are equal.

    Raises:
        ValueError: the two hold different runs, or different patients in one.
    """
    deltas = paired_deltas(baseline, other)
    of_run = {run: float(np.mean(list(by_patient.values()))) for run, by_patient in deltas.items()}
    means = np.array(list(of_run.values()))
    if len(deltas) < 2:
        theirs, ours = (_patients_of(deltas, figures) for figures in (baseline, other))
        difference, p = (of_one := compare(theirs, ours, tie, seed)).difference, of_one.p
    else:
        difference, p = _difference(deltas, float(means.mean()), draws, seed), two_level_p(deltas, tie)
    return RunComparison(
        difference,
        of_run,
        float(means.std(ddof=1)) if len(means) > 1 else float("nan"),
        int((means > tie).sum()),
        int((np.abs(means) <= tie).sum()),
        int((means < -tie).sum()),
        p,
        len(deltas),
        len(set().union(*deltas.values())),
    )


def _patients_of(deltas: Deltas, figures: Figures) -> dict[str, float]:
    return {patient: figures[run][patient] for run, by_patient in deltas.items() for patient in by_patient}


def _difference(deltas: Deltas, mean: float, draws: int, seed: int) -> PairedDifference:
    several = len(set().union(*deltas.values())) > 1
    return PairedDifference(mean, *(interval(deltas, draws, seed) if several else (np.nan, np.nan)))


def paired_deltas(baseline: Figures, other: Figures) -> dict[str, dict[str, float]]:
    """{run: {patient: other - baseline}}, without NaN; see `compare_runs`."""
    if set(baseline) != set(other):
        raise ValueError(
            f"only one of the two has run {', '.join(sorted(set(baseline) ^ set(other)))}. Compare the same runs."
        )
    deltas = {}
    for run, theirs in baseline.items():
        if alone := sorted(set(theirs) ^ set(other[run])):
            raise ValueError(
                f"run {run}: only one of the two holds {', '.join(alone)}. Compare the same patients."
            )
        found = {patient: float(other[run][patient] - theirs[patient]) for patient in theirs}
        if found := {patient: delta for patient, delta in found.items() if not np.isnan(delta)}:
            deltas[run] = found
    return deltas


def two_level_p(deltas: Deltas, tie: float = 0.0) -> float:
    """Two-sided t-test of the mean over runs of the mean over patients.

    Its variance is that between runs plus that between patients, its degrees of freedom are Satterthwaite's
    (*Biometrics Bulletin* 2:110-114, 1946): few where runs differ most, so that two runs of large spread decide little;
    many where patients do. To invert the bootstrap interval would be simpler, but that of few runs is too narrow:
    without a difference it gave p < 0.05 in 26, 18 and 11 % of 2000 simulated experiments with 2, 3 and 5 seeds, this
    test in 12, 7 and 6 % (52 patients; SD of the difference 0.0075 between runs, 0.015 between patients). Permuting the
    signs of runs gives no p below 0.05 for fewer than six.

    Returns:
        NaN for fewer than two runs or patients, and if no difference is above `tie`.
    """
    run_means = np.array([np.mean(list(by_patient.values())) for by_patient in deltas.values()])
    mean, runs = run_means.mean() if len(run_means) else np.nan, len(run_means)
    shares: dict[str, float] = {}  # of each patient in the mean's deviation
    for by_patient in deltas.values():
        for patient, delta in by_patient.items():
            share = (delta - mean) / (runs * len(by_patient))
            shares[patient] = shares.get(patient, 0.0) + share
    n = len(shares)
    largest = max((abs(d) for by_patient in deltas.values() for d in by_patient.values()), default=0.0)
    if runs < 2 or n < 2 or largest <= tie:
        return float("nan")
    between_runs = run_means.var(ddof=1) / runs
    between_patients = sum(share**2 for share in shares.values()) * n / (n - 1)
    variance = between_runs + between_patients
    if variance == 0:  # the same difference everywhere
        return 0.0
    freedom = variance**2 / (between_runs**2 / (runs - 1) + between_patients**2 / (n - 1))
    return float(2 * student.sf(abs(mean) / np.sqrt(variance), freedom))


def verdict_of_runs(name: str, baseline_name: str, compared: RunComparison, p: float) -> str:
    """One sentence on a difference in Dice over several runs.

    "Better" and "worse" take an interval without 0 and a p below 0.05, as over patients alone (see
    `statistics.verdict`): the interval of few runs leaves out 0 too often.

    Args:
        p: of the comparison, corrected for all that are made.
    """
    difference, n = compared.difference, compared.n
    title = f"{name} minus {baseline_name}"
    if n == 0:
        return f"{title}: no structure is in any case, so there is nothing to compare."
    if n < 2:
        return f"{title}: {difference.mean:+.4f} Dice, n = {n} is too small for an interval."
    if compared.runs < 2:
        return (
            f"{title}: {difference} Dice (95 % CI over patients), n = {n}, one run is too few for a verdict."
        )
    said = f"{title}: {difference} Dice (95 % CI over runs and patients), {compared.runs} runs, n = {n}"
    if np.isnan(p):
        return f"{said}, identical."
    said += f", SD between runs {compared.sd:.4f}, corrected p = {p:.2g}"
    if difference.low <= 0 <= difference.high or not p < ALPHA:
        return f"{said}, not separable."
    return f"{said}: {name} is {'better' if difference.mean > 0 else 'worse'}."

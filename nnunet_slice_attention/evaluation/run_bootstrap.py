"""Percentile bootstrap over runs and, within runs, over patients.

Runs that share patients form a group: the seeds of one fold do, two folds do not. Each bootstrap sample draws groups
with replacement and, within each drawn group, runs and patients with replacement (Davison and Hinkley, *Bootstrap
Methods and their Application*, 1997, 3.8). A patient is drawn jointly for all runs of its group, because what makes it
easy or hard is the same in all of them (Owen, *Ann. Appl. Stat.* 1:386-411, 2007): drawn independently in each run, ten
patients under three seeds would count as thirty. With one seed every group is one fold: runs are drawn, then patients
within each.
"""

from collections.abc import Mapping

import numpy as np

BOUNDS = (2.5, 97.5)  # percentiles
Deltas = Mapping[str, Mapping[str, float]]  # {run: {patient: difference}}


def interval(deltas: Deltas, draws: int = 10_000, seed: int = 0) -> tuple[float, float]:
    """Bounds of the 95 % interval for the mean over runs of the mean over each run's patients.

    It is conservative where folds differ mainly in their patients, whose variance then enters at both levels.

    Args:
        deltas: at least one run, each with at least one patient; no NaN.
        draws: number of bootstrap samples.
    """
    groups = [_matrix(deltas, runs) for runs in group_runs(deltas)]
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(groups), size=(draws, len(groups)))
    sums, counts = np.zeros(draws), np.zeros(draws)
    for i, group in enumerate(groups):
        samples = np.nonzero(drawn == i)[0]  # a sample may contain the group more than once
        group_sums, group_counts = _resample(group, len(samples), rng)
        sums += np.bincount(samples, group_sums, draws)
        counts += np.bincount(samples, group_counts, draws)
    low, high = np.percentile(sums[counts > 0] / counts[counts > 0], BOUNDS)
    return float(low), float(high)


def group_runs(deltas: Deltas) -> list[list[str]]:
    """Runs in groups such that no patient is in two of them."""
    groups: list[tuple[list[str], set[str]]] = []
    for run in sorted(deltas):
        runs, patients, disjoint = [run], set(deltas[run]), []
        for other_runs, other_patients in groups:
            if patients & other_patients:
                runs, patients = other_runs + runs, patients | other_patients
            else:
                disjoint.append((other_runs, other_patients))
        groups = [*disjoint, (runs, patients)]
    return [runs for runs, _ in groups]


def _matrix(deltas: Deltas, runs: list[str]) -> np.ndarray:
    """Differences as (runs, patients); NaN where a run lacks a patient."""
    patients = sorted(set().union(*(deltas[run] for run in runs)))
    return np.array([[deltas[run].get(patient, np.nan) for patient in patients] for run in runs])


def _resample(group: np.ndarray, samples: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Per sample: the sum of the drawn runs' means and their number; runs without a drawn patient do not count."""
    present = ~np.isnan(group)
    patients = draw_counts(rng, samples, group.shape[1])
    n_patients = patients @ present.T.astype(float)
    means = patients @ np.where(present, group, 0).T / np.maximum(n_patients, 1)
    runs = draw_counts(rng, samples, group.shape[0]) * (n_patients > 0)
    return (runs * means).sum(axis=1), runs.sum(axis=1)


def draw_counts(rng: np.random.Generator, samples: int, n: int) -> np.ndarray:
    """(samples, n): how often each of n items is in a sample of n drawn with replacement."""
    flat = rng.integers(n, size=(samples, n)) + n * np.arange(samples)[:, None]
    return np.bincount(flat.ravel(), minlength=samples * n).reshape(samples, n).astype(float)

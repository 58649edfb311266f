"""Percentile bootstrap over runs and, within them, over patients.

Runs that share patients are a group: the seeds of one fold are, two folds are not. A draw takes groups with replacement
and, in each that it takes, runs and patients with replacement (Davison and Hinkley, *Bootstrap Methods and their
Application*, 1997, 3.8). A patient is drawn for all runs of its group together, because what makes it easy or hard is
the same in all of them (Owen, *Ann. Appl. Stat.* 1:386-411, 2007): drawn anew in each run, ten patients under three
seeds would count as thirty. With one seed each group is one fold, so that runs are drawn and in each of them patients.
"""

from collections.abc import Mapping

import numpy as np

BOUNDS = (2.5, 97.5)  # percentiles
Deltas = Mapping[str, Mapping[str, float]]  # {run: {patient: difference}}


def interval(deltas: Deltas, draws: int = 10_000, seed: int = 0) -> tuple[float, float]:
    """Bounds of the 95 % interval of the mean over runs of the mean over a run's patients.

    It errs on the wide side where folds differ mostly by their patients, whose spread then counts at both levels.

    Args:
        deltas: of at least one run, each with at least one patient; none is NaN.
    """
    groups = [_matrix(deltas, runs) for runs in runs_sharing_patients(deltas)]
    rng = np.random.default_rng(seed)
    taken = rng.integers(len(groups), size=(draws, len(groups)))
    total, runs = np.zeros(draws), np.zeros(draws)
    for number, group in enumerate(groups):
        draw = np.nonzero(taken == number)[0]  # a draw may take the group more than once
        sums, counts = _resampled(group, len(draw), rng)
        total += np.bincount(draw, sums, draws)
        runs += np.bincount(draw, counts, draws)
    low, high = np.percentile(total[runs > 0] / runs[runs > 0], BOUNDS)
    return float(low), float(high)


def runs_sharing_patients(deltas: Deltas) -> list[list[str]]:
    """Runs in groups, no patient in two of them."""
    groups: list[tuple[list[str], set[str]]] = []
    for run in sorted(deltas):
        runs, patients, apart = [run], set(deltas[run]), []
        for other_runs, other_patients in groups:
            if patients & other_patients:
                runs, patients = other_runs + runs, patients | other_patients
            else:
                apart.append((other_runs, other_patients))
        groups = [*apart, (runs, patients)]
    return [runs for runs, _ in groups]


def _matrix(deltas: Deltas, runs: list[str]) -> np.ndarray:
    """(runs, patients); NaN where a run lacks a patient of another."""
    patients = sorted(set().union(*(deltas[run] for run in runs)))
    return np.array([[deltas[run].get(patient, np.nan) for patient in patients] for run in runs])


def _resampled(group: np.ndarray, times: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """So many times the sum of the drawn runs' means, and how many runs are in it: those with a drawn patient."""
    there = ~np.isnan(group)
    patients = _drawn(rng, times, group.shape[1])
    with_figure = patients @ there.T.astype(float)
    means = patients @ np.where(there, group, 0).T / np.maximum(with_figure, 1)
    runs = _drawn(rng, times, group.shape[0]) * (with_figure > 0)
    return (runs * means).sum(axis=1), runs.sum(axis=1)


def _drawn(rng: np.random.Generator, times: int, n: int) -> np.ndarray:
    """(times, n): how often each of n is in a sample of n with replacement."""
    flat = rng.integers(n, size=(times, n)) + n * np.arange(times)[:, None]
    return np.bincount(flat.ravel(), minlength=times * n).reshape(times, n).astype(float)

"""The interval over runs and patients, against what is known of data that were made up."""

import time

import numpy as np
import pytest

from nnunet_slice_attention.evaluation.run_bootstrap import interval, runs_sharing_patients
from nnunet_slice_attention.evaluation.statistics import paired_difference


def drawn(rng, folds, seeds, patients, between_runs, between_patients, within=0.5):
    """{run: {patient: difference}} around 0: effects of run and patient, of given SD, and noise of each pair."""
    of_patient = rng.normal(0, between_patients, (folds, patients))
    found = {}
    for fold in range(folds):
        for seed in range(seeds):
            values = rng.normal(0, between_runs) + of_patient[fold] + rng.normal(0, within, patients)
            found[f"seed {seed}, fold {fold}"] = {f"{fold}_{i}": v for i, v in enumerate(values)}
    return found


def over_patients(deltas, draws=1000):
    """The interval that knows no runs: of each patient's mean."""
    of_patient = {}
    for by_patient in deltas.values():
        for patient, delta in by_patient.items():
            of_patient.setdefault(patient, []).append(delta)
    means = {patient: float(np.mean(values)) for patient, values in of_patient.items()}
    return paired_difference(dict.fromkeys(means, 0.0), means, draws=draws)


@pytest.mark.parametrize(
    ("folds", "seeds", "patients", "between_runs", "between_patients", "of_patients_alone"),
    [
        (8, 1, 10, 1.0, 1.0, (0.0, 0.75)),  # folds: each has its own patients
        (1, 8, 10, 1.0, 0.5, (0.0, 0.60)),  # seeds of one fold: the same patients in each
        (4, 3, 10, 1.0, 0.5, (0.0, 0.65)),
        (
            1,
            8,
            10,
            0.1,
            1.0,
            (0.86, 0.97),
        ),  # patients differ more than runs: they are not counted eight times
    ],
)
def test_the_interval_holds_the_truth_as_often_as_it_says(
    folds, seeds, patients, between_runs, between_patients, of_patients_alone
):
    rng = np.random.default_rng(5)
    held, held_by_patients = [], []
    for _ in range(300):
        deltas = drawn(rng, folds, seeds, patients, between_runs, between_patients)
        low, high = interval(deltas, draws=1000)
        held.append(low <= 0 <= high)
        alone = over_patients(deltas)
        held_by_patients.append(alone.low <= 0 <= alone.high)
    assert 0.88 <= np.mean(held) <= 0.985
    assert of_patients_alone[0] <= np.mean(held_by_patients) <= of_patients_alone[1]


def test_it_is_the_interval_of_drawing_runs_and_in_them_patients_one_by_one():
    rng = np.random.default_rng(1)
    deltas = drawn(rng, 5, 1, 6, 1.0, 1.0)
    values = [np.array(list(by_patient.values())) for by_patient in deltas.values()]
    means = [
        np.mean([rng.choice(values[run], len(values[run])).mean() for run in rng.integers(5, size=5)])
        for _ in range(8000)
    ]
    assert interval(deltas) == pytest.approx(np.percentile(means, [2.5, 97.5]), abs=0.06)


def test_without_a_spread_between_runs_it_is_the_interval_over_patients():
    values = np.random.default_rng(2).normal(0.01, 0.02, 12)
    same_patients = {seed: {f"p{i}": v for i, v in enumerate(values)} for seed in ("a", "b", "c")}
    other_patients = {fold: {f"{fold}{i}": v for i, v in enumerate(values)} for fold in ("a", "b", "c")}
    for deltas in (same_patients, other_patients):
        expected = over_patients(deltas, draws=10_000)
        assert interval(deltas) == pytest.approx((expected.low, expected.high), abs=0.001)


def test_where_all_patients_of_a_run_are_equal_it_depends_on_runs_alone():
    rng = np.random.default_rng(3)
    of_runs = dict(zip("abcdef", rng.normal(0.01, 0.02, 6), strict=True))
    means = rng.choice(list(of_runs.values()), (20_000, 6)).mean(axis=1)
    for patients in (1, 3, 30):
        for own in (True, False):  # patients of its own, or those of the other runs
            deltas = {
                run: {f"{run if own else ''}{i}": delta for i in range(patients)}
                for run, delta in of_runs.items()
            }
            assert interval(deltas) == pytest.approx(np.percentile(means, [2.5, 97.5]), abs=0.001)


def test_runs_are_groups_if_they_share_a_patient():
    deltas = {"a": {"1": 0, "2": 0}, "b": {"3": 0}, "c": {"4": 0}, "d": {"2": 0, "3": 0}, "e": {"4": 0}}
    assert sorted(map(sorted, runs_sharing_patients(deltas))) == [["a", "b", "d"], ["c", "e"]]


def test_a_patient_whom_one_run_lacks_does_not_take_the_run_away():
    full = {f"p{i}": d for i, d in enumerate((0.0, 0.1, 0.2))}
    lacking = {"p0": 0.0}
    low, high = interval({"a": full, "b": lacking})
    assert low == 0
    assert high == pytest.approx(0.2)  # the run with all patients, drawn twice, and its highest
    assert interval({"b": lacking, "a": full}) == (low, high)


def test_fifteen_runs_of_52_patients_take_less_than_a_second():
    deltas = drawn(np.random.default_rng(0), 15, 1, 52, 1.0, 1.0)
    begun = time.process_time()
    interval(deltas)
    assert time.process_time() - begun < 1

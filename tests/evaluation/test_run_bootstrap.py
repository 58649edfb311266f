"""The interval over runs and patients, on simulated data with a known answer."""

import time

import numpy as np
import pytest

from nnunet_slice_attention.evaluation.run_bootstrap import group_runs, interval
from nnunet_slice_attention.evaluation.statistics import paired_difference


def simulate(rng, folds, seeds, patients, between_runs, between_patients, within=0.5):
    """{run: {patient: difference}} around 0: run and patient effects of the given SD, and noise per run and patient."""
    patient_effects = rng.normal(0, between_patients, (folds, patients))
    found = {}
    for fold in range(folds):
        for seed in range(seeds):
            values = rng.normal(0, between_runs) + patient_effects[fold] + rng.normal(0, within, patients)
            found[f"seed {seed}, fold {fold}"] = {f"{fold}_{i}": v for i, v in enumerate(values)}
    return found


def over_patients(deltas, draws=1000):
    """The interval that ignores runs: over each patient's mean."""
    by_patient_id = {}
    for by_patient in deltas.values():
        for patient, delta in by_patient.items():
            by_patient_id.setdefault(patient, []).append(delta)
    means = {patient: float(np.mean(values)) for patient, values in by_patient_id.items()}
    return paired_difference(dict.fromkeys(means, 0.0), means, draws=draws)


@pytest.mark.parametrize(
    ("folds", "seeds", "patients", "between_runs", "between_patients", "coverage_over_patients"),
    [
        (8, 1, 10, 1.0, 1.0, (0.0, 0.75)),  # folds: each has its own patients
        (1, 8, 10, 1.0, 0.5, (0.0, 0.60)),  # seeds of one fold: the same patients in each
        (4, 3, 10, 1.0, 0.5, (0.0, 0.65)),
        (1, 8, 10, 0.1, 1.0, (0.86, 0.97)),  # patients differ most, and must not count eight times
    ],
)
def test_the_interval_has_its_nominal_coverage(
    folds, seeds, patients, between_runs, between_patients, coverage_over_patients
):
    rng = np.random.default_rng(5)
    covered, covered_over_patients = [], []
    for _ in range(300):
        deltas = simulate(rng, folds, seeds, patients, between_runs, between_patients)
        low, high = interval(deltas, draws=1000)
        covered.append(low <= 0 <= high)
        alone = over_patients(deltas)
        covered_over_patients.append(alone.low <= 0 <= alone.high)
    assert 0.88 <= np.mean(covered) <= 0.985
    assert coverage_over_patients[0] <= np.mean(covered_over_patients) <= coverage_over_patients[1]


def test_it_equals_a_naive_bootstrap_of_runs_and_then_patients():
    rng = np.random.default_rng(1)
    deltas = simulate(rng, 5, 1, 6, 1.0, 1.0)
    values = [np.array(list(by_patient.values())) for by_patient in deltas.values()]
    means = [
        np.mean([rng.choice(values[run], len(values[run])).mean() for run in rng.integers(5, size=5)])
        for _ in range(8000)
    ]
    assert interval(deltas) == pytest.approx(np.percentile(means, [2.5, 97.5]), abs=0.06)


def test_without_variance_between_runs_it_equals_the_interval_over_patients():
    values = np.random.default_rng(2).normal(0.01, 0.02, 12)
    same_patients = {seed: {f"p{i}": v for i, v in enumerate(values)} for seed in ("a", "b", "c")}
    other_patients = {fold: {f"{fold}{i}": v for i, v in enumerate(values)} for fold in ("a", "b", "c")}
    for deltas in (same_patients, other_patients):
        expected = over_patients(deltas, draws=10_000)
        assert interval(deltas) == pytest.approx((expected.low, expected.high), abs=0.001)


def test_without_variance_between_patients_it_depends_on_runs_alone():
    rng = np.random.default_rng(3)
    run_means = dict(zip("abcdef", rng.normal(0.01, 0.02, 6), strict=True))
    means = rng.choice(list(run_means.values()), (20_000, 6)).mean(axis=1)
    for patients in (1, 3, 30):
        for own in (True, False):  # own patients, or the same in all runs
            deltas = {
                run: {f"{run if own else ''}{i}": delta for i in range(patients)}
                for run, delta in run_means.items()
            }
            assert interval(deltas) == pytest.approx(np.percentile(means, [2.5, 97.5]), abs=0.001)


def test_runs_that_share_a_patient_form_a_group():
    deltas = {"a": {"1": 0, "2": 0}, "b": {"3": 0}, "c": {"4": 0}, "d": {"2": 0, "3": 0}, "e": {"4": 0}}
    assert sorted(map(sorted, group_runs(deltas))) == [["a", "b", "d"], ["c", "e"]]


def test_a_run_that_lacks_a_patient_is_kept():
    full = {f"p{i}": d for i, d in enumerate((0.0, 0.1, 0.2))}
    lacking = {"p0": 0.0}
    low, high = interval({"a": full, "b": lacking})
    assert low == 0
    assert high == pytest.approx(0.2)  # only the full run, and only its highest patient
    assert interval({"b": lacking, "a": full}) == (low, high)


def test_fifteen_runs_of_52_patients_take_less_than_a_second():
    deltas = simulate(np.random.default_rng(0), 15, 1, 52, 1.0, 1.0)
    begun = time.process_time()
    interval(deltas)
    assert time.process_time() - begun < 1

"""The mean over runs and patients: interval and p-value, on simulated data with a known answer."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from nnunet_slice_attention.evaluation.patient_statistics import paired_difference
from nnunet_slice_attention.evaluation.two_level import two_level_mean


def simulate(rng, folds, seeds, patients, between_runs, between_patients, within=0.5):
    """{run: {patient: difference}} around 0: run and patient effects of the given SD, and noise per run and patient."""
    patient_effects = rng.normal(0, between_patients, (folds, patients))
    found = {}
    for fold in range(folds):
        for seed in range(seeds):
            values = rng.normal(0, between_runs) + patient_effects[fold] + rng.normal(0, within, patients)
            found[f"seed {seed}, fold {fold}"] = {f"{fold}_{i}": v for i, v in enumerate(values)}
    return found


def over_patients(deltas):
    """The interval that ignores runs: over each patient's mean."""
    by_patient_id = {}
    for by_patient in deltas.values():
        for patient, delta in by_patient.items():
            by_patient_id.setdefault(patient, []).append(delta)
    means = {patient: float(np.mean(values)) for patient, values in by_patient_id.items()}
    return paired_difference(dict.fromkeys(means, 0.0), means, draws=1000)


@pytest.mark.parametrize(
    ("folds", "seeds", "patients", "between_runs", "between_patients", "coverage_over_patients"),
    [
        (8, 1, 10, 1.0, 1.0, (0.0, 0.75)),  # folds: each has its own patients
        (1, 8, 10, 1.0, 0.5, (0.0, 0.60)),  # seeds of one fold: the same patients in each
        (4, 3, 10, 1.0, 0.5, (0.0, 0.65)),
        (1, 3, 50, 0.5, 1.0, (0.0, 0.80)),
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
        low, high = two_level_mean(deltas).interval()
        covered.append(low <= 0 <= high)
        alone = over_patients(deltas)
        covered_over_patients.append(alone.low <= 0 <= alone.high)
    assert 0.91 <= np.mean(covered) <= 0.99
    assert coverage_over_patients[0] <= np.mean(covered_over_patients) <= coverage_over_patients[1]


def t_test(values):
    found = ttest_1samp(values, 0)
    return found.pvalue, tuple(found.confidence_interval(0.95))


@pytest.mark.parametrize("own_patients", [False, True])
def test_it_is_a_t_test_over_runs_if_only_runs_differ(own_patients):
    means = (0.01, 0.03, 0.02, 0.05)
    deltas = {
        str(run): {f"{run if own_patients else ''} {i}": delta for i in range(500)}
        for run, delta in enumerate(means)
    }
    found, (p, interval) = two_level_mean(deltas), t_test(means)
    assert found.p() == pytest.approx(p, rel=0.02)
    assert found.interval() == pytest.approx(interval, abs=1e-4)


def test_it_is_a_t_test_over_patients_if_only_patients_differ():
    values = np.random.default_rng(0).normal(0.01, 0.02, 15)
    found, (p, interval) = two_level_mean({seed: dict(enumerate(values)) for seed in "abc"}), t_test(values)
    assert found.p() == pytest.approx(p)
    assert found.interval() == pytest.approx(interval)


def test_a_run_that_lacks_a_patient_counts_as_much_as_the_others():
    full = {f"p{i}": d for i, d in enumerate((0.0, 0.1, 0.2))}
    found = two_level_mean({"a": full, "b": {"p0": 0.3}})
    assert found.mean == pytest.approx(0.2)
    assert found == two_level_mean({"b": {"p0": 0.3}, "a": full})


DELTAS = st.dictionaries(
    st.sampled_from("abc"),
    st.dictionaries(st.sampled_from("12345"), st.floats(-1, 1).map(lambda d: round(d, 3)), min_size=1),
    min_size=1,
)


@given(DELTAS)
def test_p_is_below_five_percent_if_and_only_if_the_interval_excludes_zero(deltas):
    found = two_level_mean(deltas)
    low, high = found.interval()
    few = len(deltas) < 2 or len(set().union(*deltas.values())) < 2
    assert few == math.isnan(low) == math.isnan(high)
    assert (low > 0 or high < 0) == (found.p() < 0.05)


def test_without_any_difference_and_with_the_same_difference_everywhere():
    nothing = two_level_mean({"a": {"1": 0.0, "2": 0.0}, "b": {"1": 0.0, "2": 0.0}})
    assert math.isnan(nothing.p()) and nothing.interval() == (0, 0)
    same = two_level_mean({"a": {"1": 0.25, "2": 0.25}, "b": {"1": 0.25, "2": 0.25}})
    assert same.p() == 0 and same.interval() == (0.25, 0.25)

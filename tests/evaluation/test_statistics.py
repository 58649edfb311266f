"""The patient is the unit, and the interval is the one of an independent bootstrap."""

import math

import numpy as np
import pytest

from nnunet_slice_attention.evaluation.statistics import paired_difference, patient_means


def test_volumes_of_a_patient_count_once_and_empty_classes_not_at_all():
    dice = {
        "a_1": {"RV": 0.8, "LV": 0.6},
        "a_2": {"RV": math.nan, "LV": 0.9},
        "b_1": {"RV": 0.5, "LV": 0.5},
        "c_1": {"RV": math.nan, "LV": math.nan},
    }
    means = patient_means(dice, lambda case: case.split("_")[0])
    assert means == pytest.approx({"a": (0.7 + 0.9) / 2, "b": 0.5})


def test_the_interval_is_that_of_resampling_patients():
    rng = np.random.default_rng(3)
    baseline = {f"p{i}": v for i, v in enumerate(rng.uniform(0.7, 0.9, 12))}
    other = {p: v + d for (p, v), d in zip(baseline.items(), rng.normal(0.02, 0.03, 12), strict=True)}
    deltas = np.array([other[p] - baseline[p] for p in baseline])
    means = [rng.choice(deltas, len(deltas)).mean() for _ in range(20_000)]
    low, high = np.percentile(means, [2.5, 97.5])
    difference = paired_difference(baseline, other)
    assert difference.mean == pytest.approx(deltas.mean())
    assert difference.low == pytest.approx(low, abs=0.001) and difference.high == pytest.approx(
        high, abs=0.001
    )
    assert difference == paired_difference(baseline, dict(reversed(other.items())))
    assert str(difference).startswith(f"{deltas.mean():+.4f} [")


def test_one_patient_has_no_interval():
    difference = paired_difference({"a": 0.5}, {"a": 0.7})
    assert (
        difference.mean == pytest.approx(0.2) and math.isnan(difference.low) and math.isnan(difference.high)
    )


def test_different_patients_are_named():
    with pytest.raises(ValueError, match="only one of the two holds b, c"):
        paired_difference({"a": 1, "b": 1}, {"a": 1, "c": 1})

"""Statistics over patients, against hand-computed values and an independent bootstrap."""

import math

import numpy as np
import pytest
from scipy.stats import wilcoxon

from nnunet_slice_attention.evaluation.patient_statistics import (
    compare_patients,
    holm,
    paired_difference,
    patient_means,
)


def test_patients_count_once_and_absent_classes_not_at_all():
    dice = {
        "a_1": {"RV": 0.8, "LV": 0.6},
        "a_2": {"RV": math.nan, "LV": 0.9},
        "b_1": {"RV": 0.5, "LV": 0.5},
        "c_1": {"RV": math.nan, "LV": math.nan},
    }
    means = patient_means(dice, lambda case: case.split("_")[0])
    assert means == pytest.approx({"a": (0.7 + 0.9) / 2, "b": 0.5})


def test_the_interval_equals_a_naive_bootstrap_over_patients():
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
    with pytest.raises(ValueError, match="only one of the two models has b, c"):
        paired_difference({"a": 1, "b": 1}, {"a": 1, "c": 1})


def test_holm_by_hand_without_nan():
    adjusted = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": float("nan")})
    assert adjusted["a"] == pytest.approx(0.03)
    assert adjusted["b"] == adjusted["c"] == pytest.approx(0.06)  # monotonic
    assert np.isnan(adjusted["d"])


def test_wins_ties_and_losses():
    baseline = dict(zip("abcdefg", [0.5, 0.6, 0.7, 0.8, 0.5, 0.6, 0.7], strict=True))
    other = {
        k: v + d for (k, v), d in zip(baseline.items(), [0.1, 0.2, -0.1, 0, 0.3, 0.15, 0.25], strict=True)
    }
    compared = compare_patients(baseline, other)
    assert (compared.wins, compared.ties, compared.losses) == (5, 1, 1)
    assert compared.p == pytest.approx(wilcoxon(list(other.values()), list(baseline.values())).pvalue)


def test_differences_below_a_tie_do_not_make_a_test_significant():
    baseline = {str(i): 0.5 for i in range(10)}
    other = {k: v + 1e-9 for k, v in baseline.items()} | {"0": 0.7}
    compared = compare_patients(baseline, other)
    assert (compared.wins, compared.ties) == (1, 9)
    assert compared.p == pytest.approx(wilcoxon([0.2] + [0.0] * 9).pvalue) and compared.p > 0.3


def test_nan_is_shown_as_not_available():
    one, none = compare_patients({"a": 0.5}, {"a": 0.7}), compare_patients({}, {})
    assert str(one.difference) == "+0.2000 [n/a]" and str(none.difference) == "n/a"

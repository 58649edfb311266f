"""FROC by hand: two lesions and one false positive at known probabilities."""

import numpy as np

from nnunet_slice_attention.evaluation.froc import froc_counts, sensitivity_at

SPACING = (5.0, 1.0, 1.0)


def volume(*values: float) -> np.ndarray:
    """Three separate columns with these values."""
    out = np.zeros((2, 4, 12), np.float32)
    for i, value in enumerate(values):
        out[:, 1:3, 4 * i : 4 * i + 2] = value
    return out


TRUTH = volume(1, 1, 0) > 0


def test_counts_at_each_threshold():
    counts = froc_counts(TRUTH, volume(0.9, 0.4, 0.6), SPACING, thresholds=(0.3, 0.5, 0.7))
    assert [(c["lesions"], c["found"], c["false_positives"]) for c in counts] == [
        (2, 2, 1),
        (2, 1, 1),
        (2, 1, 0),
    ]


def test_sensitivity_is_pooled_over_volumes():
    counts = froc_counts(TRUTH, volume(0.9, 0.4, 0.6), SPACING)
    counts += froc_counts(np.zeros_like(TRUTH), volume(0, 0, 0.5), SPACING)  # no lesion, one false positive
    assert sensitivity_at(counts, rates=(0, 0.5, 1)) == [0.5, 0.5, 1.0]


def test_sensitivity_is_nan_without_lesions_and_zero_if_every_threshold_exceeds_the_rate():
    no_lesion = froc_counts(np.zeros_like(TRUTH), volume(0.9, 0, 0), SPACING)
    assert np.isnan(sensitivity_at(no_lesion)).all()
    always = froc_counts(TRUTH, volume(0.9, 0.9, 1.0), SPACING)
    assert sensitivity_at(always, rates=(0.5, 1)) == [0.0, 1.0]

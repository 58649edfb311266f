"""FROC by hand: two lesions and one false alarm at known probabilities."""

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


def test_sensitivity_is_of_all_volumes_together():
    counts = froc_counts(TRUTH, volume(0.9, 0.4, 0.6), SPACING)
    counts += froc_counts(np.zeros_like(TRUTH), volume(0, 0, 0.5), SPACING)  # no lesion, one false alarm
    assert sensitivity_at(counts, rates=(0, 0.5, 1)) == [0.5, 0.5, 1.0]


def test_without_a_lesion_there_is_no_sensitivity_and_without_a_threshold_none_is_found():
    nothing = froc_counts(np.zeros_like(TRUTH), volume(0.9, 0, 0), SPACING)
    assert np.isnan(sensitivity_at(nothing)).all()
    always = froc_counts(TRUTH, volume(0.9, 0.9, 1.0), SPACING)
    assert sensitivity_at(always, rates=(0.5, 1)) == [0.0, 1.0]

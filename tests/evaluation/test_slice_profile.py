"""Metrics along the slices, on stacks with an obvious answer."""

import numpy as np
import pytest

from nnunet_slice_attention.evaluation.slice_profile import continuity_error, dice_by_position


def stack(filled: list[bool]) -> np.ndarray:
    return np.array(filled, bool)[:, None, None] & np.ones((len(filled), 4, 4), bool)


def test_dice_of_each_fifth_of_the_structure():
    truth = stack([0, 0, *[1] * 10, 0])
    missing_end = stack([0, 0, *[1] * 8, 0, 0, 0])
    assert dice_by_position(truth, missing_end) == [1, 1, 1, 1, 0]


def test_predictions_beyond_an_end_count_there():
    truth = stack([0, 0, *[1] * 5, 0])
    longer = stack([1, 1, *[1] * 5, 0])
    assert dice_by_position(truth, longer) == [pytest.approx(2 / 4), 1, 1, 1, 1]


def test_parts_without_slices_and_absent_structures_are_nan():
    one = dice_by_position(stack([0, 1, 0]), stack([0, 1, 0]))
    assert one[2] == 1
    assert np.isnan(np.delete(one, 2)).all()
    assert np.isnan(dice_by_position(stack([0, 0]), stack([1, 0]))).all()


def test_flicker_is_a_continuity_error_and_uniform_shrinking_is_not():
    truth = stack([1] * 6)
    assert continuity_error(truth, truth) == 0
    assert continuity_error(truth, stack([1, 0, 1, 0, 1, 0])) == 1
    smaller = truth.copy()
    smaller[:, 0] = False
    assert continuity_error(truth, smaller) == 0
    assert np.isnan(continuity_error(stack([0, 0]), stack([0, 0])))

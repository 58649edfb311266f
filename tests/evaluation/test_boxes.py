"""Boxes of components are those of the array's axes, as a whole or cut into slices."""

import numpy as np
import pytest

from nnunet_slice_attention.evaluation.boxes import bounding_box, component_boxes


def test_the_box_of_a_mask_has_its_margins_as_far_as_they_are_in_the_volume():
    mask = np.zeros((9, 4), bool)
    mask[3, 1] = mask[5, 2] = True
    assert bounding_box(mask, (0, 0)) == (slice(3, 6), slice(1, 3))
    assert bounding_box(mask, (2, 3)) == (slice(1, 8), slice(0, 6))
    assert bounding_box(np.zeros((9, 4), bool), (2, 3)) == (slice(0, 9), slice(0, 4))


@pytest.mark.parametrize("slice_axis", [0, 1, 2])
def test_slices_are_across_the_given_axis_and_boxes_in_the_order_of_the_array(slice_axis):
    mask = np.zeros((3, 8, 9), bool)
    mask[:2, 1:3, 2:6] = mask[2, 3, 6] = True  # connected at a corner: one component in 3D
    moved = np.moveaxis(mask, 0, slice_axis)
    (whole,), _ = component_boxes(moved)
    parts, _ = component_boxes(moved, None, slice_axis)
    order = [1, 2]
    order.insert(slice_axis, 0)
    assert whole.tolist() == np.array([[0, 3], [1, 4], [2, 7]])[order].tolist()
    expected = np.array([[[0, 1], [1, 3], [2, 6]], [[1, 2], [1, 3], [2, 6]], [[2, 3], [3, 4], [6, 7]]])
    assert sorted(parts.tolist()) == sorted(expected[:, order].tolist())


def test_probabilities_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"shape \(1, 2, 2\), the mask \(2, 2, 2\)"):
        component_boxes(np.ones((2, 2, 2), bool), np.ones((1, 2, 2)))

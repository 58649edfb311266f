"""Bounding boxes: of a mask, and of its connected components, in volumes or slice by slice, with their scores."""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import find_objects, generate_binary_structure, label, maximum

SCORE = "maximum of the structure's probability in the component"


def bounding_box(mask: np.ndarray, margins: Sequence[int]) -> tuple[slice, ...]:
    """Of all voxels of a mask, with this many voxels more on both sides of each axis; everything for an empty mask."""
    found = find_objects(mask.astype(np.uint8))
    if not found:
        return tuple(slice(0, size) for size in mask.shape)
    return tuple(
        slice(max(0, axis.start - margin), axis.stop + margin)
        for axis, margin in zip(found[0], margins, strict=True)
    )


def component_boxes(
    mask: np.ndarray, probability: np.ndarray | None = None, slice_axis: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Boxes and scores of the connected components of a mask; voxels that share a corner are connected.

    The score is the highest probability in the component, as in a FROC curve, where a component vanishes once the
    threshold exceeds it. The mean would be lower for small components, of which more voxels are at the border.

    Args:
        mask: bool, three axes in any order.
        probability: of the structure, same shape.
        slice_axis: components are those of each slice across this axis, with boxes one voxel thick; None: of the
            volume.

    Returns:
        boxes, int (N, 3, 2): voxel indices [first, last + 1) per axis of the mask; scores, float (N,), NaN without
        probability. N is 0 for an empty mask.

    Raises:
        ValueError: different shapes.
    """
    if probability is not None and probability.shape != mask.shape:
        raise ValueError(
            f"probabilities have shape {probability.shape}, the mask {mask.shape}. Predict this case again."
        )
    connectivity = generate_binary_structure(3, 3)
    if slice_axis is not None:
        across = np.moveaxis(connectivity, slice_axis, 0)  # a view
        across[[0, 2]] = False
    components, n = label(mask, connectivity)
    found = [[(axis.start, axis.stop) for axis in place] for place in find_objects(components)]
    boxes = np.array(found, int).reshape(n, 3, 2)
    scores = np.full(n, np.nan)
    if probability is not None and n:
        # Of the mask's voxels only: scipy sorts what it is given.
        scores = np.asarray(maximum(probability[mask], components[mask], np.arange(1, n + 1)), float)
    return boxes, scores


def box_iou(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union, (M,), of a box (axes, 2) with others (M, axes, 2)."""
    first, last = np.maximum(box[:, 0], others[..., 0]), np.minimum(box[:, 1], others[..., 1])
    intersection = np.clip(last - first, 0, None).prod(axis=-1)
    return intersection / (_volumes(box) + _volumes(others) - intersection)


def _volumes(boxes: np.ndarray) -> np.ndarray:
    return (boxes[..., 1] - boxes[..., 0]).prod(axis=-1)

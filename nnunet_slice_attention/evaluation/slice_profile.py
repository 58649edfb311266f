"""What whole-volume metrics hide in a thick-slice stack: errors at its ends, and jumps between neighbouring slices."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

PARTS = ("first", "second", "third", "fourth", "last")  # fifths of the ground truth's extent along the slices


def dice_by_position(truth: np.ndarray, prediction: np.ndarray) -> list[float]:
    """Dice in each fifth of the structure's extent along the slices, e.g. from base to apex.

    The slices from the first to the last of the ground truth are split into parts of equal length by slice centre;
    Dice pools the slices of a part. Slices beyond the ground truth belong to the first or the last part, because what
    is predicted there is an error at that end.

    Args:
        truth, prediction: masks, bool (S, H, W).

    Returns:
        one value for each of `PARTS`; NaN for a part without slices or without foreground, and for all if the
            ground truth is empty.
    """
    filled, parts = np.flatnonzero(truth.any(axis=(1, 2))), len(PARTS)
    if not len(filled):
        return [float("nan")] * parts
    first, last = filled[0], filled[-1]
    index = np.arange(len(truth))
    part = np.clip(np.floor(parts * (index - first + 0.5) / (last - first + 1)), 0, parts - 1)
    return [_dice(truth[part == p], prediction[part == p]) for p in range(parts)]


def continuity_error(truth: np.ndarray, prediction: np.ndarray) -> float:
    """How far the overlap of neighbouring slices in the prediction is from that in the ground truth.

    The mean over pairs of neighbouring slices of |Dice(P_i, P_i+1) - Dice(T_i, T_i+1)|. Pairs that are empty in both
    volumes are ignored; a pair that is empty in one volume has overlap 0 there. 0 means as continuous as the ground
    truth; a structure that flickers from slice to slice is near 1.

    Args:
        truth, prediction: masks, bool (S, H, W).

    Returns:
        NaN if no pair is left.
    """
    differences = [
        abs(np.nan_to_num(predicted) - np.nan_to_num(true))
        for true, predicted in zip(_overlaps(truth), _overlaps(prediction), strict=True)
        if not (np.isnan(true) and np.isnan(predicted))
    ]
    return float(np.mean(differences)) if differences else float("nan")


def _overlaps(mask: np.ndarray) -> Sequence[float]:
    """Dice of each slice with the next; NaN if both are empty."""
    return [_dice(one, other) for one, other in pairwise(mask)]


def _dice(a: np.ndarray, b: np.ndarray) -> float:
    size = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / size if size else float("nan")

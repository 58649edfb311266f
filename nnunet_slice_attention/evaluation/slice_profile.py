"""What volume figures hide in a thick-slice stack: the slices at its ends, and jumps from slice to slice."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

PARTS = ("first", "second", "third", "fourth", "last")  # fifths of the slices the true structure spans


def dice_by_position(truth: np.ndarray, prediction: np.ndarray, parts: int = len(PARTS)) -> list[float]:
    """Dice within each part of the structure's extent along the slices, e.g. from base to apex.

    The slices from the truth's first to its last are split into `parts` of equal length by the slices' centres, and
    each part's slices are pooled. Slices before and after the truth count to the first and the last part: what is
    predicted there is an error at that end.

    Args:
        truth, prediction: (S, H, W) of bool.

    Returns:
        `parts` figures; NaN for a part with no slice, or with nothing in it.
    """
    filled = np.flatnonzero(truth.any(axis=(1, 2)))
    if not len(filled):
        return [float("nan")] * parts
    first, last = filled[0], filled[-1]
    place = np.arange(len(truth))
    part = np.clip(np.floor(parts * (place - first + 0.5) / (last - first + 1)), 0, parts - 1)
    return [_dice(truth[part == p], prediction[part == p]) for p in range(parts)]


def continuity_error(truth: np.ndarray, prediction: np.ndarray) -> float:
    """How much less (or more) neighbouring slices of the prediction overlap than those of the truth.

    The mean over pairs of neighbouring slices of |Dice(P_i, P_i+1) - Dice(T_i, T_i+1)|, where pairs that are empty in
    both count nothing and pairs that are empty in one of the two count as overlap 0 there. 0 is as continuous as the
    truth; a structure that flickers from slice to slice is near 1.

    Args:
        truth, prediction: (S, H, W) of bool.

    Returns:
        NaN if there is no such pair.
    """
    differences = [
        abs(np.nan_to_num(predicted) - np.nan_to_num(true))
        for true, predicted in zip(_overlaps(truth), _overlaps(prediction), strict=True)
        if not (np.isnan(true) and np.isnan(predicted))
    ]
    return float(np.mean(differences)) if differences else float("nan")


def _overlaps(mask: np.ndarray) -> Sequence[float]:
    """Dice of each slice with the next; NaN where both are empty."""
    return [_dice(one, other) for one, other in pairwise(mask)]


def _dice(a: np.ndarray, b: np.ndarray) -> float:
    size = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / size if size else float("nan")

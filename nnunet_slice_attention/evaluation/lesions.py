"""Lesion-wise detection: which lesions were found, and how many false positives (as in Wang et al., MICCAI 2019)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import generate_binary_structure, label

SIZES_MM = (15.0, 30.0)  # small below the first, large above the second
MIN_DICE = 0.1  # for a lesion to count as found
SIZE_NAMES = ("small", "medium", "large")


@dataclass(frozen=True)
class Lesion:
    """One connected component of the ground truth.

    Attributes:
        size: "small", "medium" or "large", by the diameter of a sphere of equal volume.
        dice: against the union of all predicted components that touch it; 0 if none does.
    """

    size: str
    dice: float

    @property
    def found(self) -> bool:
        return self.dice >= MIN_DICE


@dataclass(frozen=True)
class LesionMatch:
    """The lesions of a volume; a false positive is a predicted component that touches no found lesion."""

    lesions: tuple[Lesion, ...]
    false_positives: int


def match_lesions(
    truth: np.ndarray,
    prediction: np.ndarray,
    spacing: Sequence[float],
    sizes: tuple[float, float] = SIZES_MM,
) -> LesionMatch:
    """Match connected components (26-connectivity) by overlap.

    A predicted component that touches two lesions counts in full for each of them, so merging lesions costs Dice. A
    lesion counts as found from a Dice of 0.1: if one voxel of overlap were enough, a single component that fills the
    volume would find every lesion without a false positive.

    Args:
        truth, prediction: masks, bool (S, H, W).
        spacing: in mm, (S, H, W).
        sizes: diameters in mm that separate small, medium and large.
    """
    connectivity = generate_binary_structure(3, 3)
    true, n_true = label(truth, connectivity)
    predicted, n_predicted = label(prediction, connectivity)
    voxel_volume = float(np.prod(spacing))
    true_sizes = np.bincount(true.ravel(), minlength=n_true + 1)
    predicted_sizes = np.bincount(predicted.ravel(), minlength=n_predicted + 1)
    overlap = np.zeros((n_true + 1, n_predicted + 1), int)
    np.add.at(overlap, (true.ravel(), predicted.ravel()), 1)
    lesions, matched = [], set()
    for i in range(1, n_true + 1):
        touching = np.flatnonzero(overlap[i, 1:]) + 1
        intersection = overlap[i, touching].sum()
        dice = 2 * intersection / (true_sizes[i] + predicted_sizes[touching].sum())
        diameter = float((6 * true_sizes[i] * voxel_volume / np.pi) ** (1 / 3))
        lesions.append(Lesion(size_name(diameter, sizes), float(dice)))
        if lesions[-1].found:
            matched |= set(touching.tolist())
    return LesionMatch(tuple(lesions), n_predicted - len(matched))


def size_name(diameter: float, sizes: tuple[float, float] = SIZES_MM) -> str:
    """ "small" below the first of `sizes` (in mm), "large" above the second, else "medium"."""
    small, large = sizes
    return SIZE_NAMES[0] if diameter < small else SIZE_NAMES[2] if diameter > large else SIZE_NAMES[1]


def lesion_metrics(
    truth: np.ndarray, prediction: np.ndarray, spacing: Sequence[float], sizes: tuple[float, float]
) -> Mapping[str, float]:
    """`lesions`, `lesions_found`, `lesion_false_positives`, and of each size `lesions_SIZE` and `lesion_dice_SIZE`.

    Args:
        truth, prediction: masks, bool (S, H, W).
        spacing: in mm, (S, H, W).
        sizes: diameters in mm that separate small, medium and large.

    Returns:
        counts, and the mean Dice of the lesions of a size, NaN if there are none.
    """
    match = match_lesions(truth, prediction, spacing, sizes)
    metrics = {
        "lesions": len(match.lesions),
        "lesions_found": sum(lesion.found for lesion in match.lesions),
        "lesion_false_positives": match.false_positives,
    }
    for size in SIZE_NAMES:
        dice = [lesion.dice for lesion in match.lesions if lesion.size == size]
        metrics |= {
            f"lesions_{size}": len(dice),
            f"lesion_dice_{size}": sum(dice) / len(dice) if dice else float("nan"),
        }
    return metrics

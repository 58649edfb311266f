"""Lesion-wise figures: was each lesion found, and how many were made up? (the tables of Wang et al., MICCAI 2019)"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import generate_binary_structure, label

SIZES_MM = (15.0, 30.0)  # small below the first, large above the second
MIN_DICE = 0.1  # of a lesion that was found
SIZE_NAMES = ("small", "medium", "large")


@dataclass(frozen=True)
class Lesion:
    """One connected component of the truth.

    Attributes:
        diameter: of the sphere of the same volume, in mm.
        size: small, medium or large.
        dice: with all predicted components that touch it together; 0 if none does.
    """

    diameter: float
    size: str
    dice: float

    @property
    def found(self) -> bool:
        return self.dice >= MIN_DICE


@dataclass(frozen=True)
class LesionMatch:
    """The lesions of a volume, and the number of predicted components that touch no lesion that was found."""

    lesions: tuple[Lesion, ...]
    false_positives: int


def match_lesions(
    truth: np.ndarray,
    prediction: np.ndarray,
    spacing: Sequence[float],
    sizes: tuple[float, float] = SIZES_MM,
) -> LesionMatch:
    """Match connected components (26 neighbours) by overlap.

    A predicted component that touches two lesions counts whole for each of them, so that merging lesions costs Dice.
    A lesion is found at a Dice of 0.1 or more: with a single voxel in common, one component all over the volume would
    find everything and make nothing up.

    Args:
        truth, prediction: (S, H, W) of bool.
        spacing: in mm.
        sizes: diameters in mm that separate small, medium and large.
    """
    connected = generate_binary_structure(3, 3)
    true, n_true = label(truth, connected)
    predicted, n_predicted = label(prediction, connected)
    voxel = float(np.prod(spacing))
    true_sizes = np.bincount(true.ravel(), minlength=n_true + 1)
    predicted_sizes = np.bincount(predicted.ravel(), minlength=n_predicted + 1)
    overlap = np.zeros((n_true + 1, n_predicted + 1), int)
    np.add.at(overlap, (true.ravel(), predicted.ravel()), 1)
    lesions, good = [], set()
    for i in range(1, n_true + 1):
        touching = np.flatnonzero(overlap[i, 1:]) + 1
        both = overlap[i, touching].sum()
        dice = 2 * both / (true_sizes[i] + predicted_sizes[touching].sum())
        diameter = float((6 * true_sizes[i] * voxel / np.pi) ** (1 / 3))
        lesions.append(Lesion(diameter, size_name(diameter, sizes), float(dice)))
        if lesions[-1].found:
            good |= set(touching.tolist())
    return LesionMatch(tuple(lesions), n_predicted - len(good))


def size_name(diameter: float, sizes: tuple[float, float] = SIZES_MM) -> str:
    """small below the first of `sizes`, large above the second, both in mm."""
    small, large = sizes
    return SIZE_NAMES[0] if diameter < small else SIZE_NAMES[2] if diameter > large else SIZE_NAMES[1]

"""A synthetic data set that cannot be solved from single slices, but from a slice and both its neighbours.

Every slice shows bright discs. A **vessel** (label 1) runs through the whole stack and drifts in-plane; a
**nodule** (label 2) exists in one slice only. Within one slice both have the same distribution, by construction:

1. The slice plane is divided into square cells, larger than any disc. For *every* cell of *every* slice a centre,
   radius, brightness and texture are drawn independently of labels. Centres follow a random walk inside their cell.
2. Independently of 1, labels determine which cells show their disc. K cells, drawn uniformly, are vessels in all
   slices. In each slice K further cells are nodules, drawn uniformly among those empty in the slice before.

Step 2 treats all cells equally, so in any slice every split of its 2K discs into K vessels and K nodules is
equally likely, whatever the slice looks like. Cells keep discs apart, within a slice and between slices, so
nothing has to be rejected, which could favour a class. Vessels have no ends, so end slices are not special.
"""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter

VESSEL, NODULE = 1, 2

# Lengths in pixels, like a network's receptive field. A disc is larger than the 16 pixels of one token in a network's
# bottleneck, so that its continuation can be seen at that scale.
CELL = 48
RADIUS = (10.0, 16.0)
GAP = 1.0  # between a disc and the edge of its cell, so that the soft edges of two discs never touch
# Per axis and slice; below RADIUS[0] / sqrt(2), so that a vessel's next centre is inside its current disc.
DRIFT = 4.0
CELLS_PER_DISC = 4  # cells per disc of a class in a slice

# Grey values; far from 0, which nnU-Net would crop.
BASE = 400.0
SMOOTH_SD, SMOOTH_SIGMA = 15.0, (1.0, 8.0, 8.0)  # sigma in voxels (z, y, x)
NOISE_SD = 15.0
BRIGHTNESS = (120.0, 200.0)  # above the background
TEXTURE_SD = (5.0, 30.0)


def draw_case(rng: np.random.Generator, shape: Sequence[int] = (12, 96, 96)) -> tuple[np.ndarray, np.ndarray]:
    """Draw one stack.

    Args:
        rng: source of all randomness.
        shape: (slices, height, width) in voxels; at least 3 slices and 4 cells of 48 x 48 pixels.

    Returns:
        image int16 (S, H, W), arbitrary units; label uint8 (S, H, W), 0 background, 1 vessel, 2 nodule.
    """
    slices, height, width = checked_shape(shape)
    rows, columns = height // CELL, width // CELL
    cells = rows * columns

    centre = (CELL - 1) / 2 + _reflecting_walk(rng, (slices, cells, 2), CELL / 2 - RADIUS[1] - GAP, DRIFT)
    radius = rng.uniform(*RADIUS, (slices, cells))
    brightness = rng.uniform(*BRIGHTNESS, (slices, cells))
    texture_sd = rng.uniform(*TEXTURE_SD, (slices, cells))
    cell_label = _draw_cell_labels(rng, slices, cells)

    # The grid is shifted per case, so that no pixel is always between two cells.
    top = rng.integers(height - rows * CELL + 1)
    left = rng.integers(width - columns * CELL + 1)
    y, x = np.mgrid[: rows * CELL, : columns * CELL]
    cell = y // CELL * columns + x // CELL  # (h, w), the cell each pixel belongs to
    distance = np.hypot(y % CELL - centre[:, cell, 0], x % CELL - centre[:, cell, 1])  # (S, h, w)
    inside_out = radius[:, cell] - distance

    image = BASE + _background(rng, (slices, height, width))
    label = np.zeros(image.shape, np.uint8)
    window = np.s_[:, top : top + rows * CELL, left : left + columns * CELL]
    label[window] = np.where(inside_out >= 0, cell_label[:, cell], 0)
    coverage = np.clip(inside_out + 0.5, 0, 1) * (cell_label[:, cell] > 0)
    texture = texture_sd[:, cell] * rng.standard_normal(distance.shape)
    image[window] += coverage * (brightness[:, cell] + texture)
    return np.rint(image).astype(np.int16), label


def _draw_cell_labels(rng: np.random.Generator, slices: int, cells: int) -> np.ndarray:
    """Label of each cell in each slice (slices, cells): K vessels and K nodules per slice, the rest 0."""
    per_class = cells // CELLS_PER_DISC
    label = np.zeros((slices, cells), np.uint8)
    label[:, rng.choice(cells, per_class, replace=False)] = VESSEL
    for s in range(slices):
        free = np.flatnonzero((label[s] == 0) & (label[max(s - 1, 0)] == 0))
        label[s, rng.choice(free, per_class, replace=False)] = NODULE
    return label


def _reflecting_walk(
    rng: np.random.Generator, size: tuple[int, ...], reach: float, step: float
) -> np.ndarray:
    """Random walks along axis 0 within [-reach, reach], uniformly distributed at every step."""
    steps = rng.uniform(-step, step, size)
    steps[0] = rng.uniform(-reach, reach, size[1:])
    phase = np.mod(np.cumsum(steps, axis=0) + reach, 4 * reach)
    # Folding an unbounded walk into the interval never lengthens a step.
    return reach - np.abs(phase - 2 * reach)


def _background(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """Smooth texture plus noise, (S, H, W), with the same distribution at every voxel."""
    # The default mode "reflect" has more variance at the borders, which would mark the end slices.
    smooth = gaussian_filter(rng.standard_normal(shape), SMOOTH_SIGMA, mode="wrap")
    return SMOOTH_SD * smooth / smooth.std() + NOISE_SD * rng.standard_normal(shape)


def checked_shape(shape: Sequence[int]) -> tuple[int, int, int]:
    """`shape` as (slices, height, width).

    Raises:
        ValueError: it has another length, fewer than 3 slices, or no room for the discs.
    """
    if len(shape) != 3:
        raise ValueError(f"shape must be (slices, height, width), got {tuple(shape)}")
    slices, height, width = map(int, shape)
    cells = (height // CELL) * (width // CELL)
    if slices < 3:
        raise ValueError(f"shape {tuple(shape)} has {slices} slices; two neighbouring slices need at least 3")
    if cells < CELLS_PER_DISC:
        raise ValueError(
            f"shape {tuple(shape)} is too small in plane: it has room for {cells} cells of {CELL} x {CELL} pixels and "
            f"needs {CELLS_PER_DISC}; use at least {2 * CELL} x {2 * CELL} pixels"
        )
    return slices, height, width

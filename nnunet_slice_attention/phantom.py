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

import json
import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import SimpleITK
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
    slices, height, width = _checked_shape(shape)
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


def write_phantom(
    raw_folder: str | Path,
    dataset_id: int = 999,
    name: str = "SlicePhantom",
    cases: int = 40,
    test_cases: int = 8,
    shape: Sequence[int] = (12, 96, 96),
    spacing_mm: Sequence[float] = (5.0, 0.8, 0.8),
    seed: int = 0,
) -> Path:
    """Write the phantom as a raw nnU-Net v2 data set, completely or not at all.

    Args:
        raw_folder: nnU-Net's raw folder (``nnUNet_raw``); created if missing.
        dataset_id, name: the folder is ``DatasetXXX_Name``.
        cases, test_cases: numbers of stacks in imagesTr and imagesTs; both have labels. A case depends only on the
            seed and its own number, so more cases do not change the others.
        shape: (slices, height, width) in voxels.
        spacing_mm: between slices, rows, columns; the first must be the largest.
        seed: non-negative integer.

    Returns:
        The new folder.

    Raises:
        ValueError: an argument is invalid.
        FileExistsError: the raw folder already has a data set with this id.
    """
    _check_arguments(dataset_id, name, cases, test_cases, spacing_mm, seed)
    shape = _checked_shape(shape)
    raw_folder = Path(raw_folder)
    target = raw_folder / f"Dataset{dataset_id:03d}_{name}"
    taken = sorted(raw_folder.glob(f"Dataset{dataset_id:03d}_*"))
    if taken:
        raise FileExistsError(
            f"{taken[0]} already uses dataset id {dataset_id}. Choose another id with -d, or delete that folder."
        )

    raw_folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".phantom-", dir=raw_folder) as building:
        folder = Path(building) / target.name
        for part, (split, count) in enumerate({"Tr": cases, "Ts": test_cases}.items()):
            images, labels = folder / f"images{split}", folder / f"labels{split}"
            images.mkdir(parents=True)
            labels.mkdir()
            for number in range(count):
                image, label = draw_case(np.random.default_rng([seed, part, number]), shape)
                case = f"phantom{split}_{number:03d}"
                _write_volume(image, spacing_mm, images / f"{case}_0000.nii.gz")
                _write_volume(label, spacing_mm, labels / f"{case}.nii.gz")
        description = {
            "name": name,
            "description": "Discs that look the same in one slice; vessels continue in the next, nodules do not",
            "channel_names": {"0": "phantom"},
            "labels": {"background": 0, "vessel": VESSEL, "nodule": NODULE},
            "numTraining": cases,
            "file_ending": ".nii.gz",
            "seed": seed,
        }
        (folder / "dataset.json").write_text(json.dumps(description, indent=4) + "\n")
        folder.rename(target)
    return target


def _write_volume(array: np.ndarray, spacing_mm: Sequence[float], path: Path) -> None:
    image = SimpleITK.GetImageFromArray(array)  # takes (z, y, x); SimpleITK's own order is (x, y, z)
    image.SetSpacing([float(mm) for mm in reversed(spacing_mm)])
    SimpleITK.WriteImage(image, path, useCompression=True)


def _checked_shape(shape: Sequence[int]) -> tuple[int, int, int]:
    _require(len(shape) == 3, f"shape must be (slices, height, width), got {tuple(shape)}")
    slices, height, width = map(int, shape)
    cells, needed = (height // CELL) * (width // CELL), CELLS_PER_DISC
    _require(
        slices >= 3, f"shape {tuple(shape)} has {slices} slices; two neighbouring slices need at least 3"
    )
    _require(
        cells >= needed,
        f"shape {tuple(shape)} is too small in plane: it has room for {cells} cells of {CELL} x {CELL} pixels and "
        f"needs {needed}; use at least {2 * CELL} x {2 * CELL} pixels",
    )
    return slices, height, width


def _check_arguments(dataset_id, name, cases, test_cases, spacing_mm, seed) -> None:
    _require(1 <= dataset_id <= 999, f"dataset_id must be from 1 to 999, got {dataset_id}")
    _require(
        re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name) and "__" not in name,
        f"name {name!r} is not a valid nnU-Net data set name; use letters, digits, '-' and single '_'",
    )
    _require(cases >= 1, f"cases must be at least 1, got {cases}; five-fold cross-validation needs 5")
    _require(test_cases >= 0, f"test_cases must be 0 or more, got {test_cases}")
    _require(
        len(spacing_mm) == 3 and min(spacing_mm) > 0 and spacing_mm[0] > max(spacing_mm[1:]),
        "spacing_mm must be three lengths > 0, the first (between slices) the largest because nnU-Net's 2D "
        f"configuration slices along that axis; got {tuple(spacing_mm)}",
    )
    _require(seed >= 0, f"seed must be 0 or more, got {seed}")


def _require(valid, message: str) -> None:
    if not valid:
        raise ValueError(message)

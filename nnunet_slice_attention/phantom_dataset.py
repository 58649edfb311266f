"""Writes the phantom as a raw nnU-Net data set; `phantom` draws its cases."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import SimpleITK

from .files import check_writable
from .phantom import NODULE, VESSEL, checked_shape, draw_case


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
        ValueError: an argument is invalid, or the raw folder cannot be written.
        FileExistsError: the raw folder already has a data set with this id.
    """
    _check_arguments(dataset_id, name, cases, test_cases, spacing_mm, seed)
    shape = checked_shape(shape)
    raw_folder = Path(raw_folder)
    target = raw_folder / f"Dataset{dataset_id:03d}_{name}"
    taken = sorted(raw_folder.glob(f"Dataset{dataset_id:03d}_*"))
    if taken:
        raise FileExistsError(
            f"{taken[0]} already uses dataset id {dataset_id}. Choose another id with -d, or delete that folder."
        )

    check_writable(raw_folder)
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

"""The tiny data set in 3D TIFF, where nnU-Net keeps the spacing of a case in a JSON file."""

import json
from pathlib import Path

import numpy as np
import tifffile

from tests.tiny_data import TinyDataset, draw_volume

DATASET = TinyDataset(711, "Tiff")
DESCRIPTION = DATASET.dataset_json | {"file_ending": ".tif"}
CASES = ("case_0", "case_1", "case_2", "case_3")
SPACING = (6.0, 1.0, 1.0)  # z, y, x in mm


def write_spacing(folder: Path, case: str, spacing=SPACING) -> None:
    (folder / f"{case}.json").write_text(json.dumps({"spacing": list(spacing)}))


def labels_of(case: str) -> np.ndarray:
    return draw_volume(5, int(case[-1]), channels=1, with_ignore=False)[1]


def write_segmentation(folder: Path, case: str, labels: np.ndarray, spacing=SPACING) -> None:
    """As nnU-Net writes it; without the file of the spacing if that is None."""
    folder.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(folder / f"{case}.tif", labels, compression="zlib")
    if spacing is not None:
        write_spacing(folder, case, spacing)


def write_raw_tiff(raw: Path) -> Path:
    """A raw data set with the spacing of images and labels; returns its folder."""
    folder = raw / DATASET.folder
    (folder / "imagesTr").mkdir(parents=True)
    for case in CASES:
        image, labels = draw_volume(5, int(case[-1]), channels=1, with_ignore=False)
        tifffile.imwrite(folder / "imagesTr" / f"{case}_0000.tif", image[0])
        write_spacing(folder / "imagesTr", case)
        write_segmentation(folder / "labelsTr", case, labels)
    (folder / "dataset.json").write_text(json.dumps(DESCRIPTION))
    return folder

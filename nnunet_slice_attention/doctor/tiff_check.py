"""Checks the spacing files of a raw data set in 3D TIFF, see `tiff_spacing`, before days of training.

nnU-Net trains on voxels of 1 mm where the file of an image is missing; a comparison refuses an unknown spacing.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..dataset_files import dataset_id
from ..image_geometry import SPACING_LIMIT
from ..messages import first_few
from ..tiff_spacing import CONTENT, image_spacing_file, read_spacing, segmentation_spacing_file
from .check import Check

NAME = "spacing files"


def check_spacing_files(pairs: Mapping[str, tuple[Path, Path]], dataset: str | int) -> Check:
    """Every image needs a spacing file; that of its label may be missing, but must agree.

    Args:
        pairs: (first channel, label) of each case, at least one.
        dataset: id or name, for the next step.
    """
    wrong = [problem for image, label in pairs.values() if (problem := _problem(image, label))]
    if not wrong:
        return Check(NAME, True, f"all {len(pairs)} images have a spacing file, and those of labels agree")
    text = f"{len(wrong)} of {len(pairs)} cases have no valid spacing: {first_few(wrong, '; ')}"
    step = (
        f"Write {CONTENT}, to these files (also for 1 mm, which nnU-Net otherwise assumes and compare refuses), then "
        f"nnUNetv2_plan_and_preprocess -d {dataset_id(dataset)} --clean"
    )
    return Check(NAME, False, text, step)


def _problem(image: Path, label: Path) -> str:
    """What is wrong with a case; "" if nothing."""
    of_image, of_label = image_spacing_file(image), segmentation_spacing_file(label)
    if not of_image.is_file():
        return f"{of_image} does not exist"
    try:
        spacing = read_spacing(of_image)
        other = read_spacing(of_label) if of_label.is_file() else spacing
    except ValueError as error:
        return str(error).removesuffix(".")
    if np.abs(np.divide(other, spacing) - 1).max() <= SPACING_LIMIT:
        return ""
    return f"{of_label} has {other}, that of its image {spacing}; the limit is {100 * SPACING_LIMIT:g} %"

"""Whether the images of a data set are alike along the slices, which `_Position` and `_Millimetres` depend on."""

from pathlib import Path

import numpy as np

from ..files import read_json_or_empty
from .check import Check

MIDDLE = (5, 95)  # percent of the images
ALIKE = 2.0  # ratio of the extents at these percentiles
FINGERPRINT = "dataset_fingerprint.json"


def check_extents(folder: Path, plans: dict, trainer: type) -> list[Check]:
    """The extents of the images along the slice axis, as nnU-Net crops them, and their slice spacings, in mm.

    Empty without nnU-Net's fingerprint.

    Args:
        folder: of the preprocessed data set.
        trainer: a subclass of nnUNetTrainerSlab.
    """
    found = read_json_or_empty(folder / FINGERPRINT)
    axis = plans["transpose_forward"][0]
    spacings = np.array([spacing[axis] for spacing in found.get("spacings", ())])
    slices = np.array([shape[axis] for shape in found.get("shapes_after_crop", ())])
    if not len(spacings) or len(spacings) != len(slices):
        return []
    extents = np.percentile(spacings * slices, MIDDLE)
    text = (
        f"{_range(extents)} mm along the slices, which are {_range(np.percentile(spacings, MIDDLE))} mm apart"
    )
    return [
        Check("extents", True, f"the middle 90 % of the images: {text}", _advice(extents, spacings, trainer))
    ]


def _advice(extents: np.ndarray, spacings: np.ndarray, trainer: type) -> str:
    if trainer.uses_position() and extents[1] > ALIKE * extents[0]:
        return (
            "Positions are relative to an image's extent. Use the suffix _Position only if all images show the same "
            "part of the body from end to end."
        )
    if trainer.uses_spacing() and np.ptp(spacings) == 0:
        return "All spacings are equal, so that the suffix _Millimetres has no effect on this data set."
    return ""


def _range(values: np.ndarray) -> str:
    low, high = (f"{value:.4g}" for value in values)
    return low if low == high else f"{low} to {high}"

"""The spacing of 3D TIFF files, which nnU-Net keeps in JSON files next to them.

Without such a file nnU-Net assumes 1 mm and prints a warning; here the spacing is then unknown.
"""

import math
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from threading import Lock
from typing import TypeAlias

import numpy as np
from nnunetv2.imageio.base_reader_writer import BaseReaderWriter
from nnunetv2.imageio.tif_reader_writer import Tiff3DIO

from .files import read_json

Spacing: TypeAlias = tuple[float, float, float]  # mm, in the order of the array's axes

ENDINGS = tuple(Tiff3DIO.supported_file_endings)
REDIRECTING = Lock()  # standard output is one for all threads: the last of several would not put it back
CONTENT = '{"spacing": [z, y, x]}, in mm'


def segmentation_spacing_file(path: Path) -> Path:
    """Where nnU-Net expects the spacing of a segmentation: case.json for case.tif."""
    return path.with_suffix(".json")


def image_spacing_file(channel: Path) -> Path:
    """Where nnU-Net expects the spacing of an image, by its first channel: case.json for case_0000.tif."""
    return channel.with_name(f"{channel.stem[: -len('_0000')]}.json")


def read_spacing(file: Path) -> Spacing:
    """The spacing in a JSON file.

    Raises:
        FileNotFoundError: it does not exist.
        ValueError: it is damaged, or the spacing is not three positive numbers.
    """
    remedy = f"Correct it: {CONTENT}."
    spacing = read_json(file, remedy, keys=("spacing",))["spacing"]
    numbers = isinstance(spacing, list) and all(isinstance(value, int | float) for value in spacing)
    if not numbers or len(spacing) != 3 or not all(0 < value < math.inf for value in spacing):
        raise ValueError(f"{file} has spacing {spacing}, expected three positive numbers. {remedy}")
    return tuple(float(value) for value in spacing)


def read_segmentation(reader: BaseReaderWriter, path: Path) -> tuple[np.ndarray, dict]:
    """Like `reader.read_seg`, but the property `spacing` is None if it is unknown.

    Raises:
        ValueError: the file with the spacing is damaged.
    """
    if not isinstance(reader, Tiff3DIO):
        return reader.read_seg(str(path))
    file = segmentation_spacing_file(path)
    spacing = read_spacing(file) if file.is_file() else None
    with REDIRECTING, redirect_stdout(StringIO()):  # the warning
        segmentation, properties = reader.read_seg(str(path))
    return segmentation, properties | {"spacing": spacing}


def unknown_spacing(segmentation: Path, searched: Sequence[Path], others: int = 0) -> str:
    """The error for a segmentation whose spacing is needed.

    Args:
        segmentation: the TIFF file.
        searched: spacing files that do not exist.
        others: number of further segmentations without one.
    """
    more = f" (and of {others} more)" * (others > 0)
    return (
        f"the spacing of {segmentation}{more} is unknown, and metrics in mm and ml need it: "
        f"{', '.join(map(str, searched))} {'does' if len(searched) == 1 else 'do'} not exist. Write {CONTENT}, to "
        f"{'it' if len(searched) == 1 else 'one of them'}, also for 1 mm, which nnU-Net assumes without it."
    )

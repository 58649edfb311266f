"""Checks all images before any is predicted.

Most of these problems would stop nnU-Net's processes for all cases, and images with NaN, or with values that overflow
when they are normalised, would silently be segmented as empty. (ITK reads NaN in NIfTI as 0, in training and in
prediction; other formats and readers keep it.)
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from nnunetv2.imageio.base_reader_writer import BaseReaderWriter
from nnunetv2.imageio.nibabel_reader_writer import NibabelIO, NibabelIOWithReorient
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO, SimpleITKIOWithReorient
from nnunetv2.imageio.tif_reader_writer import Tiff3DIO
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from ..files import in_threads
from ..image_files import check_complete
from ..image_geometry import HEADERS, four_dimensions, geometry_mismatch, is_2d
from ..messages import last_line
from ..tiff_spacing import read_spacing
from .cases import Case

# Spacing in another unit is off by 1000 (micrometres, metres): resampling would run out of memory or leave no voxels.
LARGEST_RATIO = 100
# nnU-Net's other readers take several channels from one file, e.g. colours.
ONE_CHANNEL_PER_FILE = (SimpleITKIO, SimpleITKIOWithReorient, NibabelIO, NibabelIOWithReorient, Tiff3DIO)


@dataclass(frozen=True)
class Expected:
    """Properties of the images that a model was trained on.

    Attributes:
        n_channels: number of channels.
        spacing: median in mm, axes as in the files, slices first.
        reader_writer: nnU-Net's reader for the data set.
        clipped: indices of channels that are normalised as CT, where values of any size become usual ones.
    """

    n_channels: int
    spacing: tuple[float, float, float]
    reader_writer: BaseReaderWriter
    clipped: frozenset[int] = frozenset()

    @classmethod
    def from_plans(cls, plans: PlansManager, dataset_json: dict) -> "Expected":
        spacing = [plans.original_median_spacing_after_transp[axis] for axis in plans.transpose_backward]
        channels = dataset_json.get("modality") or dataset_json["channel_names"]  # the former in older files
        # Equal in all configurations; one that inherits from another does not list them.
        schemes = next(
            filter(None, (c.get("normalization_schemes") for c in plans.plans["configurations"].values())), ()
        )
        clipped = frozenset(i for i, scheme in enumerate(schemes) if scheme == "CTNormalization")
        return cls(len(channels), tuple(map(float, spacing)), plans.image_reader_writer_class(), clipped)


def find_problems(cases: Sequence[Case], expected: Expected, threads: int = 1) -> dict[Case, str]:
    """Problems per case: names, channels, damaged files, spacing, values that are not finite or too large.

    Args:
        threads: cases checked in parallel.
    """

    def check(case: Case) -> str | None:
        try:
            return case.problem or _problem(case, expected)
        except Exception as error:  # readers can raise anything
            return last_line(error)

    found = in_threads(check, cases, max(1, threads))
    return {case: problem for case, problem in found.items() if problem}


def _problem(case: Case, expected: Expected) -> str | None:
    names, n_channels = ", ".join(path.name for path in case.images), expected.n_channels
    one_per_file = type(expected.reader_writer) in ONE_CHANNEL_PER_FILE
    files = f"CASE_0000{case.ending}, CASE_0001{case.ending} ..., one per channel"
    for image in case.images if one_per_file else ():
        if size := four_dimensions(image):
            return (
                f"{image.name} has four dimensions, {size} (x, y, z, time or channel), and nnU-Net cannot write a "
                f"segmentation of such a file. Save its volumes as {files}"
            )
    if len(case.images) != n_channels and one_per_file:
        return (
            f"has {len(case.images)} channels ({names}); the model was trained on {n_channels}. Name the files of a "
            f"case {files}"
        )
    for image in case.images:
        if not image.is_file():
            return f"{image.name} is not a file"
        try:
            check_complete(image)
        except OSError as error:
            return f"{image.name} cannot be read: {error}"
    if contradiction := _channel_mismatch(case.images, expected.reader_writer):
        return contradiction
    if isinstance(expected.reader_writer, Tiff3DIO) and (
        lacking := _missing_tiff_spacing(case.images[0], expected)
    ):
        return lacking
    data, properties = expected.reader_writer.read_images([str(path) for path in case.images])
    if data.ndim != 4 or len(data) != n_channels:
        volumes = "volumes, one per file, with scalar voxels" if one_per_file else "channels"
        return f"{names}: array of shape {data.shape}; expected {n_channels} {volumes}"
    if not data.size:
        return f"{names}: no voxels, shape {data.shape}"
    if wrong := _wrong_spacing(np.array(properties["spacing"], float), expected.spacing):
        return f"{names}: {wrong}"
    if n_wrong := int(data.size - np.isfinite(data).sum()):
        return f"{names}: {n_wrong} voxels are NaN or infinite. Replace them, as in the training images"
    for i, channel in enumerate(data):
        if i not in expected.clipped and (huge := _overflowing(channel)):
            return (
                f"{names}: a voxel has the value {huge:g}, and nnU-Net's normalisation would overflow. Replace such "
                "values, as in the training images"
            )
    return None


def _overflowing(channel: np.ndarray) -> float | None:
    """The value of largest size, if a sum of squares like it overflows in float32, as in a standard deviation."""
    largest = max(float(channel.min()), float(channel.max()), key=abs)
    return largest if channel.size * largest**2 > float(np.finfo(np.float32).max) else None


def _channel_mismatch(images: Sequence[Path], reader_writer: BaseReaderWriter) -> str | None:
    """Why the channels do not belong to one case, or are in the wrong order."""
    numbers = [re.fullmatch(r"(.*)_(\d{4})(\.[^_]*)", path.name) for path in images]
    same_case = all(numbers) and len({number[1] for number in numbers}) == 1
    if same_case and (given := [int(number[2]) for number in numbers]) != sorted(given):
        return f"the channels are in the wrong order: {', '.join(path.name for path in images)}"
    read_header = HEADERS.get(type(reader_writer))
    if len(images) < 2 or read_header is None:  # the reader compares shapes itself
        return None
    first, *others = map(read_header, images)
    for other, path in zip(others, images[1:], strict=True):
        found = geometry_mismatch(first, other)
        if found is None and not np.allclose(first.spacing, other.spacing):
            spacings = (_numbers(geometry.spacing) for geometry in (other, first))
            found = ("spacing", *spacings, "nnU-Net requires equal spacing of all channels")
        if found:
            name, value, expected_value, limit = found
            return (
                f"{path.name} and {images[0].name} are not of one image: {name} {value}, expected {expected_value}; "
                f"{limit}. If they are, correct the header"
            )
    return None


def _missing_tiff_spacing(image: Path, expected: Expected) -> str | None:
    """TIFF files have no spacing: nnU-Net reads it from a JSON file next to them, or assumes 1 mm.

    Raises:
        ValueError: that file is damaged.
    """
    case = re.sub(r"_\d{4}$", "", image.stem)
    sidecar = image.with_name(f"{case}.json")
    if case != image.stem and sidecar.is_file():
        read_spacing(sidecar)
        return None
    if expected.spacing == (1.0, 1.0, 1.0):
        return None
    return (
        f"the spacing of {image.name} is unknown: nnU-Net reads {sidecar.name} next to {case}_0000{image.suffix} and "
        f"otherwise assumes 1 mm. The model was trained on {_numbers(expected.spacing)}. Add the JSON file"
    )


def _wrong_spacing(spacing: np.ndarray, trained_on: Sequence[float]) -> str | None:
    """Why the image cannot be resampled to the spacing of the training images."""
    axes = slice(1 if is_2d(spacing) or is_2d(np.array(trained_on)) else 0, None)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.array(spacing[axes]) / np.array(trained_on[axes])
    if np.all((ratio <= LARGEST_RATIO) & (ratio >= 1 / LARGEST_RATIO)):  # False for NaN
        return None
    return (
        f"spacing {_numbers(spacing)} (slices first), but the model was trained on {_numbers(trained_on)}, in mm. "
        "Correct the header, which may use another unit"
    )


def _numbers(values: Sequence[float]) -> str:
    return f"({', '.join(f'{value:g}' for value in values)})"

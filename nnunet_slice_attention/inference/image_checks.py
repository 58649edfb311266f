"""What is wrong with images, found before any is predicted.

nnU-Net would end the processes of all cases for most of it, and segment nothing, silently, in an image with NaN. (ITK
reads NaN in NIfTI as 0, in training as in prediction; other formats and readers keep it.)
"""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from nnunetv2.imageio.base_reader_writer import BaseReaderWriter
from nnunetv2.imageio.nibabel_reader_writer import NibabelIO, NibabelIOWithReorient
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO, SimpleITKIOWithReorient
from nnunetv2.imageio.tif_reader_writer import Tiff3DIO
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from ..image_files import check_complete
from ..image_geometry import HEADERS, geometry_mismatch, is_2d
from .cases import Case, in_one_line

# A unit other than mm is wrong by 1000 (micrometres, metres); resampling would fill the memory, or leave no voxel.
LARGEST_RATIO = 100
# Of nnU-Net's own readers; the others take several from one, e.g. colours.
ONE_CHANNEL_PER_FILE = (SimpleITKIO, SimpleITKIOWithReorient, NibabelIO, NibabelIOWithReorient, Tiff3DIO)


@dataclass(frozen=True)
class Expected:
    """What a model was trained on.

    Attributes:
        n_channels: of an image.
        spacing: median in mm, in the order of the files' axes, slices first.
        reader_writer: nnU-Net's of the data set.
    """

    n_channels: int
    spacing: tuple[float, float, float]
    reader_writer: BaseReaderWriter

    @classmethod
    def from_plans(cls, plans: PlansManager, dataset_json: dict) -> "Expected":
        spacing = [plans.original_median_spacing_after_transp[axis] for axis in plans.transpose_backward]
        channels = dataset_json.get("modality") or dataset_json["channel_names"]  # the former in older files
        return cls(len(channels), tuple(map(float, spacing)), plans.image_reader_writer_class())


def find_problems(cases: Sequence[Case], expected: Expected, threads: int = 1) -> dict[Case, str]:
    """What is wrong with the images of each case: names, channels, damaged files, values that are no numbers.

    Args:
        threads: so many cases at a time.
    """

    def check(case: Case) -> str | None:
        try:
            return case.problem or _problem(case, expected)
        except Exception as error:  # readers raise what they like
            return in_one_line(error)

    with ThreadPoolExecutor(max(1, threads)) as pool:
        return {c: problem for c, problem in zip(cases, pool.map(check, cases), strict=True) if problem}


def _problem(case: Case, expected: Expected) -> str | None:
    names, n_channels = ", ".join(path.name for path in case.images), expected.n_channels
    if len(case.images) != n_channels and type(expected.reader_writer) in ONE_CHANNEL_PER_FILE:
        return (
            f"has {len(case.images)} channels ({names}); the model was trained on {n_channels}. A case has a file for "
            f"each channel, CASE_0000{case.ending}, CASE_0001{case.ending} ..., and the same CASE in all of them"
        )
    for image in case.images:
        if not image.is_file():
            return f"{image.name} is no file"
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
        return f"{names}: an array of {data.shape}; expected {n_channels} volumes, one a file, of one number a voxel"
    if len(properties.get("sitk_stuff", {}).get("spacing", ())) > 3:
        return (
            f"{names} has four dimensions, {data.shape[::-1]} (x, y, z, time). nnU-Net cannot write its segmentation; "
            "save one volume with three"
        )
    if not data.size:
        return f"{names}: no voxels, shape {data.shape}"
    if wrong := _wrong_spacing(np.array(properties["spacing"], float), expected.spacing):
        return f"{names}: {wrong}"
    if wrong := int(data.size - np.isfinite(data).sum()):
        return f"{names}: {wrong} voxels are NaN or infinite. Replace them, as in the images of the training"
    return None


def _channel_mismatch(images: Sequence[Path], reader_writer: BaseReaderWriter) -> str | None:
    """How the channels of a case show that they do not belong together, or not in this order."""
    numbers = [re.fullmatch(r"(.*)_(\d{4})(\.[^_]*)", path.name) for path in images]
    same_case = all(numbers) and len({number[1] for number in numbers}) == 1
    if same_case and (given := [int(number[2]) for number in numbers]) != sorted(given):
        return f"the channels are given in the order {', '.join(path.name for path in images)}"
    read_header = HEADERS.get(type(reader_writer))
    if len(images) < 2 or read_header is None:  # the reader compares shapes itself
        return None
    first, *others = map(read_header, images)
    for other, path in zip(others, images[1:], strict=True):
        found = geometry_mismatch(first, other)
        if found is None and not np.allclose(first.spacing, other.spacing):
            spacings = (_numbers(geometry.spacing) for geometry in (other, first))
            found = ("spacing", *spacings, "nnU-Net reads channels of one spacing only")
        if found:
            what, its, expected_value, limit = found
            return (
                f"{path.name} is not of the image of {images[0].name}: its {what} is {its}, not {expected_value}; "
                f"{limit}. If it is, correct its header"
            )
    return None


def _missing_tiff_spacing(image: Path, expected: Expected) -> str | None:
    """Of a TIFF image, which knows none: nnU-Net looks for a file beside it, and else takes 1 mm."""
    case = re.sub(r"_\d{4}$", "", image.stem)
    beside = image.with_name(f"{case}.json")
    if (case != image.stem and beside.is_file()) or expected.spacing == (1.0, 1.0, 1.0):
        return None
    return (
        f"the spacing of {image.name} is not known: nnU-Net looks for {beside.name} beside {case}_0000{image.suffix}, "
        f"and else takes 1 mm. The model was trained on {_numbers(expected.spacing)}"
    )


def _wrong_spacing(spacing: np.ndarray, trained_on: Sequence[float]) -> str | None:
    """Why the image cannot be resampled to what the model was trained on."""
    axes = slice(1 if is_2d(spacing) or is_2d(np.array(trained_on)) else 0, None)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.array(spacing[axes]) / np.array(trained_on[axes])
    if np.all((ratio <= LARGEST_RATIO) & (ratio >= 1 / LARGEST_RATIO)):  # False for what is no number
        return None
    return (
        f"spacing {_numbers(spacing)} (slices first), the model was trained on {_numbers(trained_on)}, in mm. Correct "
        "the header, which may be in another unit"
    )


def _numbers(values: Sequence[float]) -> str:
    return f"({', '.join(f'{value:g}' for value in values)})"

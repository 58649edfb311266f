"""Checks by their headers that images and labels of a raw data set are aligned, before days of training.

nnU-Net trains on misaligned files, see `image_geometry`; a comparison refuses headers of another image.
"""

import itertools
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from nnunetv2.imageio.tif_reader_writer import Tiff3DIO

from ..dataset_files import dataset_id, find_reader, read_description, training_images, training_pairs
from ..files import in_threads
from ..image_files import is_renamed
from ..image_geometry import (
    HEADERS,
    SAME,
    Geometry,
    four_dimensional,
    geometry_mismatch,
    max_displacement_mm,
)
from ..messages import first_few, in_one_line
from .check import Check
from .file_check import check_files
from .tiff_check import check_spacing_files


def check_headers(folder: Path, dataset: str | int) -> list[Check]:
    """Compare the headers of each case's channels with its label's, or the spacing files of 3D TIFF.

    First that there are all files, each with three dimensions. Empty if there are no images.

    Args:
        folder: the raw data set.
        dataset: id or name, for the next step.
    """
    description = folder / "dataset.json"
    if not description.is_file():
        return []
    try:
        dataset_json = read_description(description)
    except ValueError as error:
        return [Check("headers", False, str(error), "nnU-Net cannot use the data set as it is.")]
    pairs = training_pairs(folder, dataset_json)
    if not pairs:  # no case has both files, which may be for their names
        return check_files(folder, dataset_json, None)
    if renamed := [case for case in pairs if is_renamed(case, dataset_json["file_ending"])]:
        text = f"case names must not end like NIfTI files: {first_few(renamed)}"
        return [Check("names", False, text, "Rename them: ITK writes the segmentation of x.nii as x.nii.gz.")]
    example, _ = next(iter(pairs.values()))
    try:
        reader = find_reader(dataset_json, example)
    except RuntimeError as error:
        return [
            Check(
                "headers", False, str(error), f"Restore {example}, or correct file_ending in {description}."
            )
        ]
    checks = check_files(folder, dataset_json, reader)
    if reader is Tiff3DIO:
        return [*checks, check_spacing_files(pairs, dataset)]
    read = HEADERS.get(reader)
    if read is None:
        return checks
    channels = training_images(folder, dataset_json)
    checks += _check_dimensions(itertools.chain.from_iterable(channels.values()), dataset)

    def compared(case: str) -> tuple[float, str]:
        """(displacement in mm, why they are not of one image)."""
        _, label = pairs[case]
        most, file = 0.0, label
        try:
            reference = _with_axes(read(label))
            for file in channels[case]:
                other = _with_axes(read(file))
                if found := geometry_mismatch(reference, other):
                    name, of_image, of_label, limit = found
                    return 0.0, f"{label} has {name} {of_label}, its image {file} {of_image}; {limit}"
                most = max(most, max_displacement_mm(reference, other))
        except Exception as error:  # readers can raise anything
            return 0.0, f"{file} cannot be read: {in_one_line(error)}"
        return most, ""

    return [*checks, _verdict(in_threads(compared, pairs), dataset)]


def _with_axes(geometry: Geometry) -> Geometry:
    """Raise ValueError if the affine has no inverse, such as one of zeros, which nibabel reads."""
    if not abs(np.linalg.det(geometry.affine)) > 0:  # also NaN
        raise ValueError("its header gives the axes no directions")
    return geometry


def _check_dimensions(images: Iterable[Path], dataset: str | int) -> list[Check]:
    if not (wrong := four_dimensional(images)):
        return []
    text = (
        f"{len(wrong)} images have four dimensions, of which nnU-Net cannot write a segmentation, so that the "
        f"validation fails after the last epoch: {first_few(map(str, wrong))}"
    )
    step = (
        "Save their volumes as CASE_0000, CASE_0001 ..., one file per channel, then nnUNetv2_plan_and_preprocess "
        f"-d {dataset_id(dataset)} --clean"
    )
    return [Check("dimensions", False, text, step)]


def _verdict(found: dict[str, tuple[float, str]], dataset: str | int) -> Check:
    overlays = f"nnUNetv2_plot_overlay_pngs -d {dataset} -o overlays --use_raw"
    if wrong := {case: problem for case, (_, problem) in found.items() if problem}:
        text = (
            f"{len(wrong)} of {len(found)} labels do not match their image: {first_few(wrong.values(), '; ')}"
        )
        step = f"Replace the wrong files or correct their headers; compare refuses them. Look at both: {overlays}"
        return Check("headers", False, text, step)
    displaced = {case: mm for case, (mm, _) in found.items() if mm > SAME}
    if not displaced:
        return Check("headers", True, f"labels and images are aligned in all {len(found)} cases")
    most = max(displaced, key=displaced.__getitem__)
    text = (
        f"in {len(displaced)} of {len(found)} cases label and image are slightly displaced, by up to "
        f"{displaced[most]:.3g} mm ({most}): {first_few(displaced)}"
    )
    step = f"nnU-Net trains, and compare evaluates, voxel by voxel. Check that this is right: {overlays}"
    return Check("headers", True, text, step)

"""The spacing of a ground truth in 3D TIFF: when nnU-Net preprocesses, it copies labels without their spacing files.

That of a prediction is not used: nnU-Net writes 1 mm where that of the image was missing.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from batchgenerators.utilities.file_and_folder_operations import load_pickle
from nnunetv2.imageio.tif_reader_writer import Tiff3DIO

from ..dataset_files import training_labels, training_pairs
from ..tiff_spacing import (
    Spacing,
    image_spacing_file,
    read_spacing,
    segmentation_spacing_file,
    unknown_spacing,
)
from .ground_truth import GroundTruth

ASSUMED = (1.0, 1.0, 1.0)  # by nnU-Net


def with_spacings(truth: GroundTruth, cases: Iterable[str]) -> GroundTruth:
    """With `spacings` of the cases; unchanged for formats whose files hold it.

    Taken from the file next to the ground truth, next to the raw label or image, or from the preprocessed case.

    Raises:
        ValueError: that of a case is unknown, or the file with it is damaged.
    """
    if not isinstance(truth.reader(), Tiff3DIO):
        return truth
    spacings, unknown = {}, {}
    for case, files in _spacing_files(truth, cases).items():
        existing = next((file for file in files if file.is_file()), None)
        spacing = read_spacing(existing) if existing else _preprocessed(truth, case)
        if spacing is None:
            unknown[case] = files
        else:
            spacings[case] = spacing
    if unknown:
        case, files = next(iter(unknown.items()))
        raise ValueError(unknown_spacing(truth.file(case), files, len(unknown) - 1))
    return replace(truth, spacings=spacings)


def _spacing_files(truth: GroundTruth, cases: Iterable[str]) -> dict[str, list[Path]]:
    """Where the spacing of each case may be, the best first."""
    raw = (truth.raw, truth.dataset_json)
    labels, pairs = (training_labels(*raw), training_pairs(*raw)) if truth.raw else ({}, {})
    found = {}
    for case in cases:
        files = [segmentation_spacing_file(truth.file(case))]
        if case in labels:
            files.append(segmentation_spacing_file(labels[case]))
        image = pairs[case][0] if case in pairs else truth.image(case)
        if image:
            files.append(image_spacing_file(image))
        found[case] = files
    return found


def _preprocessed(truth: GroundTruth, case: str) -> Spacing | None:
    """As nnU-Net read it from the image; None if the case is not preprocessed, or nnU-Net may have assumed it."""
    if truth.raw is None:
        return None
    for folder in sorted(path for path in truth.folder.parent.iterdir() if path.is_dir()):
        file = folder / f"{case}.pkl"
        if not file.is_file():
            continue
        try:
            spacing = tuple(float(mm) for mm in load_pickle(str(file))["spacing"])
        except Exception as error:  # unpickling can raise anything
            raise ValueError(f"{file} is damaged: {error}. Preprocess the data set again.") from error
        return None if spacing == ASSUMED else spacing
    return None

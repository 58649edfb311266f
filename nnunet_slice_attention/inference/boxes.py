"""Boxes of a prediction: of each structure's connected components, with scores, as JSON in the folder `boxes`."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from nnunetv2.imageio.base_reader_writer import BaseReaderWriter
from nnunetv2.imageio.tif_reader_writer import Tiff3DIO

from ..evaluation.boxes import SCORE, component_boxes
from ..evaluation.labels import Labels
from ..evaluation.probabilities import check_probabilities_match, read_probabilities
from ..files import write_text
from ..image_files import image_ending
from ..image_geometry import is_2d
from ..tiff_spacing import image_spacing_file
from .cases import Case

FOLDER = "boxes"
AXES = "as nnU-Net reads the image: z, y, x for NIfTI and other ITK formats, whose voxel indices are x, y, z"


def boxes_of(prediction: Path) -> Path:
    """The file of a prediction's boxes; in a folder, because nnU-Net writes CASE.json for TIFF."""
    return prediction.parent / FOLDER / f"{prediction.name.removesuffix(image_ending(prediction.name))}.json"


def write_boxes(case: Case, reader: BaseReaderWriter, dataset_json: Mapping) -> None:
    """Write the boxes of all components of all structures in 3D, with scores and sizes in mm.

    There are no sizes in 2D images, and neither sizes nor spacing if that of the image is unknown.

    Args:
        case: predicted with probabilities.
        reader: nnU-Net's.
        dataset_json: content of the model's `dataset.json`.

    Raises:
        ValueError: the probabilities cannot be read, or are not those of the segmentation.
    """
    labels = Labels.from_dataset_json(dataset_json)
    segmentation, header = reader.read_seg(str(case.output))
    segmentation, of_channels = segmentation[0].astype(int), read_probabilities(case.probabilities)
    check_probabilities_match(segmentation, of_channels, labels.label_manager(), case.probabilities)
    spacing = [float(mm) for mm in header["spacing"]] if _has_spacing(case, reader) else None
    found = []
    for name, channel in labels.channels.items():
        mask = np.isin(segmentation, labels.structures[name])
        boxes, scores = component_boxes(mask, of_channels[channel])
        for box, score in zip(boxes, scores, strict=True):
            entry = {"structure": name, "score": round(float(score), 6), "min": box[:, 0].tolist()}
            entry["max"] = box[:, 1].tolist()
            if spacing and not is_2d(spacing):
                entry["size_mm"] = ((box[:, 1] - box[:, 0]) * spacing).round(4).tolist()
            found.append(entry)
    content = {
        "axes": AXES,
        "min, max": "voxel indices, max not included",
        "score": SCORE,
        "shape": list(segmentation.shape),
        **({"spacing_mm": spacing} if spacing else {}),
        "boxes": found,
    }
    path = boxes_of(case.output)
    path.parent.mkdir(exist_ok=True)
    write_text(path, json.dumps(content, indent=1))


def _has_spacing(case: Case, reader: BaseReaderWriter) -> bool:
    """False for 3D TIFF without a spacing file: in its segmentation nnU-Net notes the 1 mm that it assumes."""
    return not isinstance(reader, Tiff3DIO) or image_spacing_file(case.images[0]).is_file()

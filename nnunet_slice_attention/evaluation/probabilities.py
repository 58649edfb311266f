"""nnU-Net's saved probabilities of a case, and whether its segmentation was made of them."""

import zipfile
import zlib
from pathlib import Path

import numpy as np
from nnunetv2.utilities.label_handling.label_handling import LabelManager

CERTAIN = 0.01  # a voxel this far from a tie has one label, also where half precision rounded


def read_probabilities(file: Path) -> np.ndarray:
    """nnU-Net's `CASE.npz`: (channels, *shape of the segmentation's array), 0 to 1.

    Raises:
        ValueError: not such a file, cut off, or no probabilities: NaN, or outside 0 to 1.
    """
    try:
        probabilities = np.load(file)["probabilities"].astype(np.float32)
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{file} cannot be read ({error}): predict it again with probabilities.") from error
    if not ((probabilities >= 0) & (probabilities <= 1.001)).all():  # half precision rounds up
        raise ValueError(
            f"{file} holds values that are no probabilities (NaN, or outside 0 to 1): predict it again."
        )
    return probabilities


def check_made_of(
    segmentation: np.ndarray, probabilities: np.ndarray, labels: LabelManager, file: Path
) -> None:
    """Raise ValueError unless nnU-Net makes this segmentation of these probabilities.

    Those of an earlier prediction stay in the folder when a later one saves none. An ensemble, or a FROC curve, of them
    would be another model's.

    Args:
        segmentation: labels, in the axes of its file.
        file: of the probabilities, for the message.
    """
    shape = (labels.num_segmentation_heads, *segmentation.shape)
    if probabilities.shape != shape:
        raise ValueError(
            f"{file} has the shape {probabilities.shape}, its segmentation needs {shape}: predict it again with "
            "probabilities."
        )
    if labels.has_regions:
        certain = (np.abs(probabilities - 0.5) > CERTAIN).all(axis=0)
    else:
        second, first = np.partition(probabilities, -2, axis=0)[-2:]
        certain = first - second > CERTAIN
    made = np.asarray(labels.convert_probabilities_to_segmentation(probabilities))
    differing = int(((made != segmentation) & certain).sum())
    if differing:
        raise ValueError(
            f"{file} is not what the segmentation beside it was made of ({differing} voxels differ): predict again "
            "with probabilities, or delete this file."
        )

"""nnU-Net's saved probabilities of a case, and whether they belong to its segmentation."""

import zipfile
import zlib
from pathlib import Path

import numpy as np
from nnunetv2.utilities.label_handling.label_handling import LabelManager

MARGIN = 0.01  # further from a tie, the label is unambiguous despite half-precision rounding


def read_probabilities(file: Path) -> np.ndarray:
    """nnU-Net's `CASE.npz` as (channels, *shape of the segmentation), from 0 to 1.

    Raises:
        ValueError: the file is truncated or of another kind, or its values are NaN or outside 0 to 1.
    """
    try:
        probabilities = np.load(file)["probabilities"].astype(np.float32)
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"{file} cannot be read ({error}). Predict this case again with probabilities."
        ) from error
    if not ((probabilities >= 0) & (probabilities <= 1.001)).all():  # half precision rounds up
        raise ValueError(
            f"{file} holds values that are not probabilities (NaN, or outside 0 to 1). Predict this case again."
        )
    return probabilities


def check_probabilities_match(
    segmentation: np.ndarray, probabilities: np.ndarray, labels: LabelManager, file: Path
) -> None:
    """Raise ValueError unless nnU-Net would derive this segmentation from these probabilities.

    If a prediction is repeated without saving probabilities, those of the earlier one stay in the folder: an ensemble
    or a FROC curve of them would be another model's.

    Args:
        segmentation: labels, in the file's axis order.
        file: of the probabilities, for the message.
    """
    shape = (labels.num_segmentation_heads, *segmentation.shape)
    if probabilities.shape != shape:
        raise ValueError(
            f"{file} has shape {probabilities.shape}, its segmentation needs {shape}. Predict this case again with "
            "probabilities."
        )
    if labels.has_regions:
        unambiguous = (np.abs(probabilities - 0.5) > MARGIN).all(axis=0)
    else:
        second, first = np.partition(probabilities, -2, axis=0)[-2:]
        unambiguous = first - second > MARGIN
    expected = np.asarray(labels.convert_probabilities_to_segmentation(probabilities))
    if differing := int(((expected != segmentation) & unambiguous).sum()):
        raise ValueError(
            f"{file} does not match the segmentation next to it ({differing} voxels differ). Predict this case again "
            "with probabilities, or delete this file."
        )

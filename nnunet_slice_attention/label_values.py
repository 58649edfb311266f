"""Whether a segmentation has only labels of its data set.

Without --verify_dataset_integrity nnU-Net does not check: it cuts 0.9999, as resampling programs write, to 0, so that
training takes the structure for background. A label that dataset.json lacks ends the training, or the comparison after
it.
"""

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
from nnunetv2.imageio.base_reader_writer import BaseReaderWriter

from .files import in_threads
from .image_files import check_complete
from .messages import in_one_line
from .tiff_spacing import read_segmentation

THREADS = 4  # each holds a volume


def known_labels(labels: Mapping) -> set[int]:
    """All labels that a segmentation may contain, with background and ignore label, by the labels of `dataset.json`."""
    groups = [value if isinstance(value, list | tuple) else [value] for value in labels.values()]
    return {0, *(int(label) for group in groups for label in group)}  # of those in quotes, as nnU-Net


def value_problem(volume: np.ndarray, known: Collection[int]) -> str:
    """What is wrong with the values of a segmentation, and the next step; "" if nothing."""
    slices = volume.reshape(-1, *volume.shape[-2:])  # np.unique sorts a copy of what it is given
    values = np.unique(np.concatenate([np.unique(values) for values in slices]))
    if len(others := values[values != np.round(values)]):  # also NaN
        return f"contains values that are not labels, e.g. {others[0]:g}. Save it as integer labels."
    if unknown := sorted(set(values.tolist()) - set(known)):
        return (
            f"contains label {unknown[0]:g}, but the data set has {', '.join(map(str, sorted(known)))}. Fix the file, "
            "or the labels in dataset.json."
        )
    return ""


def problems_of_files(
    files: Collection[Path], reader: BaseReaderWriter, dataset_json: Mapping
) -> dict[Path, str]:
    """What is wrong with the segmentations in these files; without those that are right."""
    known = known_labels(dataset_json["labels"])

    def problem(path: Path) -> str:
        try:
            check_complete(path)
            return value_problem(read_segmentation(reader, path)[0], known)
        except Exception as error:  # readers can raise anything
            return f"cannot be read: {in_one_line(error).removesuffix('.')}. Restore this file."

    return {path: text for path, text in in_threads(problem, files, THREADS).items() if text}

"""Whether what nnU-Net preprocessed is the present raw data set.

nnU-Net trains on its preprocessed copies and validates on `gt_segmentations`, so labels corrected later have no effect.
Preprocessing again copies a label only if its file is newer than the copy, which one from an archive is not. It does
so for any configuration, so that the data of others may be older than the labels, which only dates show. Of
images there is no copy, so their dates are all there is.
"""

import filecmp
import math
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
from nnunetv2.preprocessing.normalization.map_channel_name_to_normalization import get_normalization_scheme
from nnunetv2.training.dataloading.nnunet_dataset import infer_dataset_class

from ..dataset_files import find_reader, read_description, training_labels
from ..files import in_threads
from ..tiff_spacing import read_segmentation
from .differences import decisive_descriptions, first_difference


def preprocessed_cases(folder: Path) -> set[str]:
    """Cases in a folder of preprocessed data, e.g. nnUNetPlans_2d; none in an empty one.

    Raises:
        ValueError: nnU-Net cannot use the folder, because of files in it that are not its own.
    """
    if not any(folder.iterdir()):
        return set()
    try:
        return set(infer_dataset_class(str(folder)).get_identifiers(str(folder)))
    except (AssertionError, KeyError) as error:
        raise ValueError(
            f"{folder} has other files than nnU-Net's, so training cannot read it. Remove them, or preprocess again."
        ) from error


def changed_labels(
    raw: Path, ground_truth: Path, dataset_json: Mapping, cases: Collection[str] | None = None
) -> list[str]:
    """Cases whose raw label has other voxels or spacing than the copy that nnU-Net validates on.

    Args:
        raw: folder of the raw data set; no case has changed without it.
        ground_truth: nnU-Net's `gt_segmentations`; cases that are not in it do not count.
        dataset_json: content of `dataset.json`.
        cases: those to compare; None for all.
    """
    present = training_labels(raw, dataset_json)
    asked = present if cases is None else present.keys() & cases
    copies = {case: ground_truth / f"{case}{dataset_json['file_ending']}" for case in sorted(asked)}
    labels = {case: (present[case], copy) for case, copy in copies.items() if copy.is_file()}
    same = in_threads(lambda case: filecmp.cmp(*labels[case], shallow=False), labels)
    different = [case for case, equal in same.items() if not equal]
    return [case for case in different if not _same_content(dataset_json, *labels[case])]


def newer_than_data(files: Mapping[str, Collection[Path]], folders: Collection[Path]) -> list[str]:
    """Cases with a file that is newer than data preprocessed from it: it was replaced, or copied without its date.

    Args:
        files: by case.
        folders: of preprocessed data, e.g. nnUNetPlans_2d; cases that are in none of them do not count.
    """
    written: dict[str, float] = {}
    for data in (data for folder in folders for data in folder.glob("*.pkl")):
        written[data.stem] = min(written.get(data.stem, math.inf), data.stat().st_mtime)
    return [
        case
        for case, paths in files.items()
        if any(path.is_file() and path.stat().st_mtime > written.get(case, math.inf) for path in paths)
    ]


def changed_description(raw: Path, preprocessed: Path) -> str | None:
    """The first entry of `dataset.json` that differs and has an effect, with both values; names have none.

    Args:
        raw, preprocessed: folders of the data set; None if one has no `dataset.json`.

    Raises:
        ValueError: one of the files is damaged.
    """
    files = [folder / "dataset.json" for folder in (raw, preprocessed)]
    if not all(file.is_file() for file in files):
        return None
    entries = list(map(read_description, files))
    effects = decisive_descriptions(*entries)
    for effect, entry in zip(effects, entries, strict=True):
        channels = entry.get("channel_names") or entry.get("modality") or {}
        effect["normalisation of channels"] = [
            get_normalization_scheme(c).__name__ for c in channels.values()
        ]
        effect["file_ending"] = entry["file_ending"]
    if differs := first_difference(*effects):
        name, present, then = differs
        return f"{name} is {present} in {files[0]}, but {then} in {files[1]}"
    return None


def _same_content(dataset_json: Mapping, label: Path, copy: Path) -> bool:
    """For files that differ in their bytes, for example in their compression."""
    try:
        reader = find_reader(dataset_json, label)()
        (voxels, properties), (copied, of_copy) = (read_segmentation(reader, path) for path in (label, copy))
    except Exception:  # readers can raise anything; a damaged file differs
        return False
    spacings = [
        p["spacing"] for p in (properties, of_copy) if p["spacing"] is not None
    ]  # of TIFF often unknown
    return np.array_equal(voxels, copied) and np.allclose(spacings, spacings[:1])

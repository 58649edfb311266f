"""Where the voxels lie that a validation got wrong: which kinds of error there are, and which differ between models."""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from nnunet_slice_attention.files import read_json_or_empty, write_text

from .collectors import case_rows
from .csv_rows import Rows
from .run import Run

ERROR_KINDS = "error_kinds.csv"  # in the fold's folder, so that a run is read once


def error_kinds(run: Run) -> Rows:
    """For each validation case: shares of its reference foreground, see `shares`, and the Dice of the foreground."""
    if not run.is_finished():
        return []
    folder = run.fold_folder()
    if not (folder / ERROR_KINDS).is_file():
        write_text(folder / ERROR_KINDS, pd.DataFrame(_cases(folder)).to_csv(index=False))
    return case_rows(folder / ERROR_KINDS)


def _cases(folder: Path) -> list[dict]:
    from nnunet_slice_attention.dataset_files import find_reader, segmentations  # imports nnU-Net

    plans = read_json_or_empty(folder.parent / "plans.json")
    dataset = read_json_or_empty(folder.parent / "dataset.json")
    truths = Path(os.environ["nnUNet_preprocessed"], plans["dataset_name"], "gt_segmentations")
    ending, axis = dataset["file_ending"], plans["transpose_forward"][0]
    predictions = segmentations(folder / "validation", ending)
    if not predictions:
        raise ValueError(
            f"{folder / 'validation'} has no {ending} files. Validate again: nnUNetv2_train ... --val."
        )
    reader = find_reader(dataset, next(iter(predictions.values())))()
    rows = []
    for case, file in predictions.items():
        pair = [np.moveaxis(reader.read_seg(str(path))[0][0], axis, 0) for path in (truths / file.name, file)]
        rows.append({"case": case} | shares(*pair))
    return rows


def shares(truth: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    """Wrong voxels of each kind, divided by the reference's foreground voxels; NaN where it has none.

    Args:
        truth, prediction: labels (S, H, W), 0 is background.

    Returns:
        confused: of one class in the reference and of another in the prediction.
        whole_slices: foreground missed or background taken for it, in slices where only one of both has foreground.
        ends: the same in the other slices that are the first or last with foreground in the reference.
        inside: the same in the slices between.
        foreground_dice: of all classes as one.
    """
    real, found = truth > 0, prediction > 0
    present, predicted = real.any(axis=(1, 2)), found.any(axis=(1, 2))
    if not real.any():
        return dict.fromkeys(("confused", "whole_slices", "ends", "inside", "foreground_dice"), float("nan"))
    ends = np.zeros(len(truth), bool)
    ends[np.flatnonzero(present)[[0, -1]]] = True
    missed = (real != found).sum(axis=(1, 2))
    one_only, both = present != predicted, present & predicted
    wrong = {
        "confused": (real & found & (truth != prediction)).sum(),
        "whole_slices": missed[one_only].sum(),
        "ends": missed[both & ends].sum(),
        "inside": missed[both & ~ends].sum(),
    }
    own = {kind: float(voxels / real.sum()) for kind, voxels in wrong.items()}
    return own | {"foreground_dice": float(2 * (real & found).sum() / (real.sum() + found.sum()))}

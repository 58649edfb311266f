"""What would come up after days of training is refused before the first one."""

import itertools
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from nnunetv2.paths import nnUNet_preprocessed
from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name

from ..comparison.ground_truth import GroundTruth
from ..comparison.patients import group_by, leaked_patients
from ..dataset_files import read_description
from .plan import Plan
from .preflight import check


def check_plan(plan: Plan, write_split: bool = True) -> None:
    """Raise what would come up in the trainings, in the comparison, or in the predictions.

    Args:
        plan: to be checked.
        write_split: False writes nothing at all, see `preflight.check`.

    Raises:
        ValueError: a name, a fold, images, the rule of patients or the output folder will not do.
        FileNotFoundError: a reference segmentation does not exist.
    """
    _check_writable(plan.output)
    unchecked = not all(prediction.of_the_same() for prediction in plan.predictions())
    splits = check(plan.dataset, plan.models, plan.folds, plan.images if unchecked else None, write_split)
    for prediction in plan.predictions():
        prediction.cases  # noqa: B018 - raises if there is none, or one would be written over
    folder = Path(str(nnUNet_preprocessed), maybe_convert_to_dataset_name(plan.dataset))
    truth = GroundTruth(
        folder / "gt_segmentations",
        read_description(folder / "dataset.json"),
        splits=[split["val"] for split in splits],
        training=[split["train"] for split in splits],
    )
    folds = [int(fold) for fold in plan.folds if fold != "all"]
    _check_truths(truth, folds)
    _check_patients(truth, folds, group_by(plan.group))


def _check_writable(output: Path) -> None:
    there = next(path for path in (output, *output.parents) if path.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        raise ValueError(f"-o {output}: {there} is no folder that you may write to. Give another.")


def _check_truths(truth: GroundTruth, folds: Sequence[int]) -> None:
    cases = itertools.chain.from_iterable(truth.splits[fold] for fold in folds)
    if missing := sorted(case for case in cases if not truth.file(case).is_file()):
        raise FileNotFoundError(
            f"no reference segmentation of {', '.join(missing)} in {truth.folder}. Preprocess the data set again."
        )


def _check_patients(truth: GroundTruth, folds: Sequence[int], patient_of: Callable[[str], str]) -> None:
    for case in itertools.chain.from_iterable(truth.splits):
        patient_of(case)
    for fold in folds:
        if divided := leaked_patients(truth, fold, patient_of):
            raise ValueError(
                f"fold {fold} trains on volumes of {', '.join(divided)} and validates on others of the same. Write a "
                f"splits_final.json by patient to {truth.folder.parent}, and train again what was trained on this one."
            )

"""Checks of files, in this process; `preflight.py` those that build trainers, in a process of their own.

Both find errors that would otherwise surface only after days of training.
"""

import itertools
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from nnunetv2.paths import nnUNet_preprocessed, nnUNet_raw
from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from ..comparison.ground_truth import GroundTruth
from ..comparison.patients import group_by, leaked_patients
from ..comparison.truth_spacing import with_spacings
from ..dataset_files import dataset_id, read_description, read_plans, training_images
from ..messages import first_few
from ..plans.preprocessed_cases import changed_description, changed_labels, newer_than_data
from .cross_validation import CrossValidation
from .other_trainings import check_no_other_training
from .preflight import Preflight, check_in_process
from .two_d_models import check_2d_records, find_starts


def check_before_training(crossval: CrossValidation, write_split: bool = True) -> None:
    """Raise errors that training, comparison or prediction would run into, and print notes on stderr.

    Args:
        write_split: False writes nothing at all, see `preflight.check_in_process`.

    Raises:
        ValueError: another training may be running in a fold, a model, a fold, -pretrained_weights, a 2D model, an
            image, the rule for patients or the output folder cannot be used, the slice spacing of a ground truth is
            unknown, or labels or dataset.json were changed after preprocessing.
        FileNotFoundError: the ground truth of a case, or the 2D model that a training starts from, is missing.
    """
    _check_writable(crossval.output)
    check_no_other_training(crossval.training_jobs())
    unchecked = not all(job.is_current() for job in crossval.prediction_jobs())
    begun: dict[str, list[Path]] = {}
    for training in crossval.training_jobs():
        if checkpoint := training.checkpoint:
            begun.setdefault(str(training.model), []).append(checkpoint)
    images = crossval.images if unchecked else None
    starting = {(job.model, job.repeat) for job in crossval.training_jobs() if job.state() == "start"}
    splits = check_in_process(
        Preflight(
            crossval.dataset,
            [str(model) for model in crossval.models],
            list(crossval.folds),
            images,
            write_split,
            begun,
            starting=sorted({str(model) for model, _ in starting}),
            pretrained_weights=crossval.settings.pretrained_weights,
            from_2d=find_starts(crossval.training_jobs()),
        )
    )
    for training in crossval.training_jobs():
        training.check_record(splits, others_start=(training.model, training.repeat) in starting)
    check_2d_records(crossval.training_jobs())
    for job in crossval.prediction_jobs():
        job.cases  # noqa: B018 - raises if there is none, or one would be overwritten
        job.check_output()
    folder = Path(str(nnUNet_preprocessed), maybe_convert_to_dataset_name(crossval.dataset))
    truth = GroundTruth(
        folder / "gt_segmentations",
        read_description(folder / "dataset.json"),
        splits=[split["val"] for split in splits],
        training=[split["train"] for split in splits],
        raw=Path(str(nnUNet_raw), folder.name),
    )
    folds = [int(fold) for fold in crossval.folds if fold != "all"]
    _check_ground_truth(truth, folds)
    if not all(job.finished() for job in crossval.training_jobs()):
        _check_preprocessed(truth, crossval.dataset)
        _note_newer_images(truth, crossval)
    _check_leakage(truth, folds, group_by(crossval.group))


def _check_writable(output: Path) -> None:
    existing = next(path for path in (output, *output.parents) if path.exists())
    if not (existing.is_dir() and os.access(existing, os.W_OK)):
        raise ValueError(f"-o {output}: {existing} is not a folder that you can write to. Give another.")


def _check_ground_truth(truth: GroundTruth, folds: Sequence[int]) -> None:
    cases = itertools.chain.from_iterable(truth.splits[fold] for fold in folds)
    if missing := sorted(case for case in cases if not truth.file(case).is_file()):
        raise FileNotFoundError(
            f"no ground truth for {first_few(missing)} in {truth.folder}. Preprocess the data set again."
        )
    if folds:
        with_spacings(truth, itertools.chain.from_iterable(truth.splits[fold] for fold in folds))


def _check_preprocessed(truth: GroundTruth, dataset: str) -> None:
    if changed := changed_description(truth.raw, truth.folder.parent):
        raise ValueError(
            f"dataset.json was changed after preprocessing: {changed}. Run nnUNetv2_plan_and_preprocess "
            f"-d {dataset_id(dataset)} --clean, and train again what was trained before."
        )
    if changed := changed_labels(truth.raw, truth.folder, truth.dataset_json):
        raise ValueError(
            f"labels of {truth.raw} were changed after preprocessing, so training would ignore the change: "
            f"{first_few(changed)}. Remove {truth.folder}, run nnUNetv2_plan_and_preprocess -d {dataset_id(dataset)} "
            "--clean, for other plans also nnUNetv2_preprocess -plans_name, and train again what was trained before."
        )


def _note_newer_images(truth: GroundTruth, crossval: CrossValidation) -> None:
    """Only a note: a folder that was copied without its dates has newer images, too."""
    preprocessed = truth.folder.parent
    folders = set()
    for model in crossval.models:
        plans = PlansManager(read_plans(preprocessed / f"{model.plans}.json"))
        folders.add(preprocessed / plans.get_configuration(model.configuration).data_identifier)
    if newer := newer_than_data(training_images(truth.raw, truth.dataset_json), folders):
        print(
            f"note: {len(newer)} images of {truth.raw} are newer than the data that training uses: {first_few(newer)}. "
            f"If they were replaced, not only copied, interrupt this, run nnUNetv2_plan_and_preprocess "
            f"-d {dataset_id(crossval.dataset)} --clean, for other plans nnUNetv2_preprocess -plans_name, and train "
            "again what was trained before.",
            file=sys.stderr,
            flush=True,
        )


def _check_leakage(truth: GroundTruth, folds: Sequence[int], patient_of: Callable[[str], str]) -> None:
    for case in itertools.chain.from_iterable(truth.splits):
        patient_of(case)
    for fold in folds:
        if leaked := leaked_patients(truth, fold, patient_of):
            raise ValueError(
                f"fold {fold} has volumes of {first_few(leaked)} in both training and validation. Write a "
                f"splits_final.json by patient to {truth.folder.parent}, and repeat runs that used the present split."
            )

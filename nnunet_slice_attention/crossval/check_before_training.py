"""All checks before the first job: they find errors that would otherwise surface only after days of training."""

from pathlib import Path

from nnunetv2.paths import nnUNet_preprocessed, nnUNet_raw
from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name

from ..comparison.ground_truth import GroundTruth
from ..comparison.patients import group_by
from ..dataset_files import read_description
from ..files import check_writable
from ..plans.plans_file import check_planned
from .concurrent_training_check import check_no_other_training
from .cross_validation import CrossValidation
from .dataset_checks import (
    check_dimensions,
    check_ground_truth,
    check_label_values,
    check_leakage,
    check_unchanged,
    check_volumes,
    note_newer_images,
)
from .from_2d_record_check import check_2d_records
from .from_2d_start import find_starts
from .trainer_checks_process import CheckRequest, check_trainers_in_process


def check_before_training(crossval: CrossValidation, write_split: bool = True) -> None:
    """Raise errors that training, comparison or prediction would run into, and print notes on stderr.

    Args:
        write_split: False writes nothing at all, see `check_trainers_in_process`.

    Raises:
        ValueError: another training may be running in a fold, a model, a fold, -pretrained_weights, a 2D model, an
            image, the rule for patients or the output folder cannot be used, the slice spacing of a ground truth is
            unknown, it is 2D, folds share validation cases, training images have four dimensions, labels have values
            that dataset.json lacks, or labels or dataset.json were changed after preprocessing.
        FileNotFoundError: plans, dataset.json, the ground truth of a case, or the 2D model that a training starts from,
            is missing.
    """
    check_writable(crossval.output)
    check_planned(crossval.dataset, [model.plans for model in crossval.models])
    trainings, predictions = crossval.training_jobs(), crossval.prediction_jobs()
    for training in trainings:
        if not training.finished():
            check_writable(
                training.folder, "Change its permissions, or set nnUNet_results to another folder."
            )
    check_no_other_training(trainings)
    begun: dict[str, list[Path]] = {}
    for training in trainings:
        if checkpoint := training.checkpoint:
            begun.setdefault(str(training.model), []).append(checkpoint)
    starting = {(job.model, job.repeat) for job in trainings if job.state() == "start"}
    splits = check_trainers_in_process(
        CheckRequest(
            crossval.dataset,
            [str(model) for model in crossval.models],
            list(crossval.folds),
            images=None if all(job.is_current() for job in predictions) else crossval.images,
            write_split=write_split,
            begun=begun,
            starting=sorted({str(model) for model, _ in starting}),
            pretrained_weights=crossval.settings.pretrained_weights,
            from_2d=find_starts(trainings),
            num_gpus=crossval.settings.num_gpus,
        )
    )
    for training in trainings:
        training.check_record(splits, others_start=(training.model, training.repeat) in starting)
    check_2d_records(trainings)
    for job in predictions:
        job.cases  # noqa: B018 - raises if there is none, or one would be overwritten
        job.check_output()
    folder = Path(str(nnUNet_preprocessed), maybe_convert_to_dataset_name(crossval.dataset))
    truth = GroundTruth(
        folder / "gt_segmentations",
        read_description(folder / "dataset.json"),
        splits,
        raw=Path(str(nnUNet_raw), folder.name),
        plans=folder / f"{crossval.models[0].plans}.json",
    )
    folds = [int(fold) for fold in crossval.folds if fold != "all"]
    check_ground_truth(truth, folds)
    if starting:
        check_label_values(truth, crossval.folds, crossval.dataset)
    if folds:
        check_volumes(truth, folds)
    if not all(job.finished() for job in trainings):
        check_dimensions(truth, crossval.dataset)
        check_unchanged(truth, crossval.dataset)
        note_newer_images(truth, crossval)
    check_leakage(truth, folds, group_by(crossval.group))

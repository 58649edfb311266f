"""Builds each trainer of a cross-validation once, and checks whatever needs one.

It finds unknown names, missing preprocessing, changed plans, networks that cannot be built, unfit weights, missing 2D
models and bad images. `python -m nnunet_slice_attention.crossval.trainer_checks REQUEST SPLITS`, see
`trainer_checks_process.py`.
"""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from nnunetv2.paths import nnUNet_preprocessed, nnUNet_results
from nnunetv2.run.run_training import get_trainer_from_args
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name

from ..dataset_files import OWN_FOLDS, read_splits
from ..files import replacing
from ..image_files import is_renamed
from ..messages import in_one_line
from ..model_name import ModelName
from ..plans.plans_file import check_own_names, check_planned, check_preprocessed
from ..plans.preprocessed_cases import preprocessed_cases
from ..plans.shared_data import check_shared_data
from ..trainers.pretrained_weights import check_pretrained_weights, read_pretrained_weights
from ..trainers.trained_plans import check_trained_plans
from .from_2d_start_check import check_2d_model, is_2d
from .network_check import check_network, release
from .prediction_images_check import check_images
from .trainer_checks_process import MARK, CheckRequest


def check_trainers(request: CheckRequest, splits: Path) -> None:
    """Write the data set's split, if it can have one, to the file `splits`; raise the first error."""
    planned = Path(str(nnUNet_preprocessed), maybe_convert_to_dataset_name(request.dataset))
    _copy_split(planned / splits.name, splits)
    models = {name: ModelName.parse(name) for name in request.models}
    check_planned(request.dataset, [model.plans for model in models.values()])
    given = request.pretrained_weights
    weights = read_pretrained_weights(given) if given else {}
    trainers: dict[str, nnUNetTrainer] = {}
    for name, model in models.items():
        trainer = _build_trainer(request.dataset, model, planned)
        for checkpoint in request.begun.get(name, ()):
            made_with = trainer.plans_manager.plans, trainer.dataset_json, model.configuration
            check_trained_plans(checkpoint, *made_with)
        _split(trainer, splits, planned / splits.name, request.folds)
        trainers[name] = trainer
    found, built = read_splits(splits) if splits.is_file() else [], list(trainers.values())
    _check_split(found, planned / splits.name, request.folds, built)
    from_a_2d_model = {start.model for start in request.from_2d}
    for name in request.starting:
        check_network(trainers[name], name, request.num_gpus)
        if given and trainers[name].network is not None:
            check_pretrained_weights(trainers[name], weights, given)
        if name not in from_a_2d_model:
            release(trainers[name])
    for start in request.from_2d:
        others = [str(ModelName.parse(start.model)._replace(trainer=other)) for other in start.others]
        coming = [other for other, name in zip(start.others, others, strict=True) if is_2d(trainers[name])]
        split = {} if start.fold == "all" else found[int(start.fold)]
        check_2d_model(start, trainers[start.model], coming, split)
    if request.images:
        check_images(request.images, built, splits.parent)
    if set(request.folds) == {"all"}:  # which has no split
        return
    if request.write_split and splits.is_file() and not (planned / splits.name).is_file():
        with replacing(planned / splits.name) as partial:
            shutil.copyfile(splits, partial)


def _copy_split(file: Path, copy: Path) -> None:
    """Copy the data set's split, if it has one, for the trainers; raise ValueError if it is damaged."""
    if file.is_file():
        read_splits(file)
        shutil.copyfile(file, copy)


def _build_trainer(dataset: str, model: ModelName, planned: Path) -> nnUNetTrainer:
    """The model's trainer of fold 0, whose preprocessed data have been checked.

    Args:
        planned: the data set's folder in `nnUNet_preprocessed`.
    """
    names = (dataset, model.configuration, 0, model.trainer, model.plans)
    trainer = get_trainer_from_args(*names, device=torch.device("cpu"))
    if first := trainer.configuration_manager.previous_stage_name:
        raise ValueError(
            f"{model} is the second stage of a cascade. crossval does not train {first} on all folds before it, "
            "and cannot predict with it. Leave it out of -m; train it with nnUNetv2_train, and compare it with the "
            "command compare."
        )
    check_own_names(planned / f"{model.plans}.json", trainer.plans_manager.plans)
    _check_results_folder(trainer, model, planned.name)
    folders = [Path(trainer.preprocessed_dataset_folder), planned / "gt_segmentations"]
    check_preprocessed(dataset, model, folders)
    check_shared_data(trainer.plans_manager.plans, model.configuration, planned)
    return trainer


def _check_results_folder(trainer: nnUNetTrainer, model: ModelName, dataset_name: str) -> None:
    """Raise ValueError unless the trainer writes to the folder of its own name, so over no other model."""
    results = Path(str(nnUNet_results))
    written = Path(os.path.relpath(trainer.output_folder_base, results))
    if written != Path(dataset_name, str(model)):
        raise ValueError(
            f"{model} would be trained in the folder {written} of nnUNet_results, because its trainer is the class "
            f"{type(trainer).__name__}. Give that name in -m, or make {model.trainer} a class of its own."
        )


def _split(trainer: nnUNetTrainer, splits: Path, file: Path, folds: Sequence[str]) -> None:
    """Let nnU-Net write its own split to `splits` unless there is one; fold all can do without.

    Args:
        file: of the data set's split, for the message.
    """
    trainer.preprocessed_dataset_folder_base = str(splits.parent)  # where it looks for a split, or writes one
    if not splits.is_file():
        number = len(preprocessed_cases(Path(trainer.preprocessed_dataset_folder)))
        if 0 < number < OWN_FOLDS:
            if set(folds) == {"all"}:
                return
            raise ValueError(
                f"{number} cases; nnU-Net's own split needs {OWN_FOLDS}. Write one to {file}, or train fold all."
            )
    trainer.do_split()


def _check_split(
    found: Sequence[Mapping], file: Path, folds: Sequence[str], trainers: Sequence[nnUNetTrainer]
) -> None:
    """Raise ValueError unless the folds exist and all their cases are preprocessed for each trainer.

    Args:
        found: the folds of the data set's split; empty if it can have none, see `_split`.
        file: of the split, for messages.
    """
    ending = trainers[0].dataset_json["file_ending"]
    if renamed := sorted({case for fold in found for case in fold["val"] if is_renamed(case, ending)}):
        raise ValueError(
            f"ITK would write the segmentation of {renamed[0]} under another name. Rename the case and plan again."
        )
    numbers = [str(fold) for fold in range(len(found))]
    if not found and set(folds) != {"all"}:
        raise ValueError(
            f"{file} does not exist, and {type(trainers[0]).__name__} has a split of its own, which it writes to no "
            "file. crossval compares the folds of that file: write it."
        )
    if unknown := [fold for fold in folds if fold not in (*numbers, "all")]:
        raise ValueError(f"fold {', '.join(unknown)} does not exist: {file} has folds 0 to {numbers[-1]}.")
    asked = [found[int(fold)] for fold in folds if fold != "all"]
    in_split = {case for fold in asked for part in ("train", "val") for case in fold[part]}
    for data in {trainer.preprocessed_dataset_folder for trainer in trainers}:
        if missing := sorted(in_split - preprocessed_cases(Path(data))):
            raise ValueError(
                f"{len(missing)} cases of {file} are not in {data}, e.g. {missing[0]}. Preprocess the "
                "data set again, or correct the split."
            )


if __name__ == "__main__":
    try:
        check_trainers(CheckRequest.from_json(sys.argv[1]), Path(sys.argv[2]))
    except Exception as error:
        print(MARK + in_one_line(error), flush=True)
        raise SystemExit(1) from error

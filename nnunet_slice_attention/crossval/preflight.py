"""Checks that build trainers, in a process of their own; `checks.py` has those of files.

They find unknown names, missing preprocessing, changed plans, networks that cannot be built, unfit weights, missing 2D
models and bad images.
`python -m nnunet_slice_attention.crossval.preflight OPTIONS` (JSON, see `main`) builds each trainer once, in a process
with another `nnUNet_results`: nnU-Net creates a folder there for every trainer it builds.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..dataset_files import dataset_id, read_description, read_plans, read_splits
from ..files import replacing
from ..image_files import is_renamed
from ..messages import in_one_line
from ..model_name import ModelName
from ..plans.preprocessed_cases import preprocessed_cases

if TYPE_CHECKING:
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    from .two_d_models import StartFrom2D

MARK = "PREFLIGHT: "


def check_in_process(
    dataset: str,
    models: Sequence[ModelName],
    folds: Sequence[str],
    images: Path | None = None,
    write_split: bool = True,
    begun: Mapping[str, Sequence[Path]] = MappingProxyType({}),
    starting: Sequence[str] = (),
    pretrained_weights: Path | None = None,
    from_2d: Sequence["StartFrom2D"] = (),
) -> list[dict]:
    """The data set's split, if all trainers can be built and all images predicted.

    Without a split, nnU-Net's own is written now: jobs that start at the same time would all write it.

    Args:
        dataset, models, folds: as in a `CrossValidation`.
        images: folder to be predicted, of which every image is read; None skips them.
        write_split: False does not write a missing split.
        begun: by model the checkpoints of its folds that have begun.
        starting: models of which a fold will start.
        pretrained_weights: which they start from.
        from_2d: trainings that will start from a 2D model.

    Raises:
        ValueError: with the first error, or all images that cannot be predicted.
    """
    with tempfile.TemporaryDirectory() as scratch:
        splits = Path(scratch, "splits_final.json")
        options = {
            "dataset": dataset,
            "models": list(map(str, models)),
            "folds": list(folds),
            "splits": str(splits),
        }
        options |= {"images": images and str(images), "write_split": write_split}
        options["begun"] = {model: list(map(str, checkpoints)) for model, checkpoints in begun.items()}
        options |= {"starting": list(starting), "from_2d": list(map(vars, from_2d))}
        options["pretrained_weights"] = pretrained_weights and str(pretrained_weights)
        command = [sys.executable, "-m", __spec__.name, json.dumps(options)]
        env = os.environ | {"nnUNet_results": scratch}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            errors = [line.removeprefix(MARK) for line in done.stdout.splitlines() if line.startswith(MARK)]
            reason = f"\n{done.stderr[-2000:]}"
            if done.returncode < 0:
                reason = f" signal {-done.returncode} ended the process that builds them; out of memory?"
            raise ValueError(errors[-1] if errors else f"the trainers cannot be built:{reason}")
        return read_splits(splits)


def main(
    dataset: str,
    models: Sequence[str],
    folds: Sequence[str],
    splits: str,
    images: str | None = None,
    write_split: bool = True,
    begun: Mapping[str, Sequence[str]] = MappingProxyType({}),
    starting: Sequence[str] = (),
    pretrained_weights: str | None = None,
    from_2d: Sequence[Mapping] = (),
) -> None:
    """Write the data set's split to the file `splits`; raise the first error."""
    from nnunetv2.paths import nnUNet_preprocessed
    from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name

    from ..trainers.pretrained_weights import check_pretrained_weights, read_pretrained_weights
    from .image_check import check_images
    from .start_checks import check_2d_model, check_network, is_2d, release
    from .trained_plans import check_trained_plans
    from .two_d_models import StartFrom2D

    planned, copy = Path(str(nnUNet_preprocessed), maybe_convert_to_dataset_name(dataset)), Path(splits)
    _copy_split(planned / copy.name, copy)
    if (planned / "dataset.json").is_file():
        read_description(planned / "dataset.json")
    given = Path(pretrained_weights) if pretrained_weights else None
    weights = read_pretrained_weights(given) if given else {}
    from_a_2d_model = {start["model"] for start in from_2d}
    trainers: dict[ModelName, nnUNetTrainer] = {}
    for model in map(ModelName.parse, models):
        trainer = _build_trainer(dataset, model, planned)
        for checkpoint in begun.get(str(model), ()):
            made_with = trainer.plans_manager.plans, trainer.dataset_json, model.configuration
            check_trained_plans(Path(checkpoint), *made_with)
        # Where it looks for a split, or writes one.
        trainer.preprocessed_dataset_folder_base = str(copy.parent)
        trainer.do_split()
        trainers[model] = trainer
    found, built = read_splits(copy), list(trainers.values())
    _check_split(found, planned / copy.name, folds, built)
    for model in map(ModelName.parse, starting):
        check_network(trainers[model], str(model))
        if given and trainers[model].network is not None:
            check_pretrained_weights(trainers[model], weights, given)
        if str(model) not in from_a_2d_model:
            release(trainers[model])
    for start in (StartFrom2D(**values) for values in from_2d):
        model = ModelName.parse(start.model)
        coming = [other for other in start.others if is_2d(trainers[model._replace(trainer=other)])]
        validation = [] if start.fold == "all" else found[int(start.fold)]["val"]
        check_2d_model(start, trainers[model], coming, validation)
    if images:
        check_images(Path(images), built, copy.parent)
    if write_split and not (planned / copy.name).is_file():
        with replacing(planned / copy.name) as partial:
            shutil.copyfile(copy, partial)


def _copy_split(file: Path, copy: Path) -> None:
    """Copy the data set's split, if it has one, for the trainers; raise ValueError if it is damaged."""
    if file.is_file():
        read_splits(file)
        shutil.copyfile(file, copy)


def _build_trainer(dataset: str, model: ModelName, planned: Path) -> "nnUNetTrainer":
    """The model's trainer of fold 0, whose plans and preprocessed data have been checked.

    Args:
        planned: the data set's folder in `nnUNet_preprocessed`.
    """
    import torch
    from nnunetv2.run.run_training import get_trainer_from_args

    from ..plans.shared_data import check_shared_data

    if (planned / f"{model.plans}.json").is_file():
        read_plans(planned / f"{model.plans}.json")
    names = (dataset, model.configuration, 0, model.trainer, model.plans)
    trainer = get_trainer_from_args(*names, device=torch.device("cpu"))
    if first := trainer.configuration_manager.previous_stage_name:
        raise ValueError(
            f"{model} is the second stage of a cascade. crossval does not train {first} on all folds before it, "
            "and cannot predict with it. Leave it out of -m; train it with nnUNetv2_train, and compare it with the "
            "command compare."
        )
    data = Path(trainer.preprocessed_dataset_folder)
    for folder in (data, planned / "gt_segmentations"):
        if not folder.is_dir():
            raise FileNotFoundError(
                f"{folder} does not exist: {model} is planned, but not preprocessed. Run: nnUNetv2_preprocess "
                f"-d {dataset_id(dataset)} -plans_name {model.plans} -c {model.configuration}"
            )
    check_shared_data(trainer.plans_manager.plans, model.configuration, planned)
    return trainer


def _check_split(
    found: Sequence[Mapping], file: Path, folds: Sequence[str], trainers: Sequence["nnUNetTrainer"]
) -> None:
    """Raise ValueError unless the folds exist and all their cases are preprocessed for each trainer.

    Args:
        found: the folds of the data set's split.
        file: of the split, for messages.
    """
    ending = trainers[0].dataset_json["file_ending"]
    if renamed := sorted({case for fold in found for case in fold["val"] if is_renamed(case, ending)}):
        raise ValueError(
            f"ITK would write the segmentation of {renamed[0]} under another name. Rename the case and plan again."
        )
    numbers = [str(fold) for fold in range(len(found))]
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
        main(**json.loads(sys.argv[1]))
    except Exception as error:
        print(MARK + in_one_line(error), flush=True)
        raise SystemExit(1) from error

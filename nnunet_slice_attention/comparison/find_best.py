"""The best of given models and their pairs by nnU-Net's own rule, with instructions to predict with it."""

import math
import re
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from nnunetv2.evaluation.evaluate_predictions import load_summary_json
from nnunetv2.evaluation.find_best_configuration import find_best_configuration
from nnunetv2.paths import nnUNet_results
from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name
from nnunetv2.utilities.file_path_utilities import folds_tuple_to_string, get_ensemble_name

from ..dataset_files import check_model, dataset_id, segmentations
from ..files import write_text
from ..fold_split import validate_again
from ..messages import first_few
from ..model_name import ENSEMBLE, ModelName
from ..plans.preprocessed_cases import changed_labels
from ..trainers.base import nnUNetTrainerSlab
from ..trainers.find_trainer import find_trainer
from ..trainers.variants import BASES
from .find_models import trained_model
from .ground_truth import GroundTruth
from .model import Model
from .model_checks import check_same_cases

OWN_PREDICT = "nnunet-slice-attention predict"


@dataclass(frozen=True)
class Best:
    """The best model or ensemble, its mean validation Dice, and the file of instructions, see `with_own_predict`."""

    name: str
    dice: float
    postprocessed_dice: float
    instructions: Path


def find_best(
    dataset: str,
    models: Sequence[ModelName],
    folds: Sequence[int],
    ensembles: bool = True,
    processes: int = 2,
) -> Best:
    """Select by mean foreground validation Dice, and determine postprocessing for the best.

    nnU-Net's own command tries all combinations of trainers, plans and configurations; this one tries the given models
    only, so that a 2D trainer of this package can be compared with nnU-Net's `3d_fullres`.

    Args:
        ensembles: also pairs of models, which then need saved probabilities.

    Raises:
        FileNotFoundError: a model or a fold does not exist.
        ValueError: a fold's cases are not those of the split, a model has no probabilities for ensembles, its files are
            damaged, labels were changed after preprocessing, or a mean Dice is undefined.
    """
    truth = GroundTruth.from_dataset(dataset)
    trained = [trained_model(dataset, str(model), folds, truth) for model in models]
    check_same_cases(trained, truth)
    check_labels_agree(truth, trained[0].predictions, dataset)
    for model in trained:
        check_model(model.folder)
        _check_current(model)
    if ensembles and len(trained) > 1:
        _check_probabilities(trained)
        for pair in combinations(trained, 2):
            _remove_other_cases(pair, folds, truth.ending)
    candidates = [{"trainer": m.trainer, "plans": m.plans, "configuration": m.configuration} for m in models]
    folder = Path(str(nnUNet_results), maybe_convert_to_dataset_name(dataset))
    instructions = folder / "inference_instructions.txt"
    try:
        result = find_best_configuration(
            dataset,
            candidates,
            allow_ensembling=ensembles,
            num_processes=processes,
            folds=tuple(folds),
            strict=True,
        )
        undefined = [name for name, dice in result["all_results"].items() if math.isnan(dice)]
    except IndexError:  # perhaps of a maximum that is NaN, which is equal to none
        undefined = _undefined_dice(folder, models, folds)
        if not undefined:
            raise
    if undefined:  # without an order among them, nnU-Net's choice depends on that of -m
        instructions.unlink(missing_ok=True)
        raise ValueError(
            f"the mean Dice of {', '.join(undefined)} is undefined: a class is in no ground truth and no prediction of "
            "these folds, so the models cannot be ranked. Give more folds with -f, or choose by the classes in the "
            "report of compare."
        )
    best = result["best_model_or_ensemble"]
    names = [
        str(ModelName(m["trainer"], m["plans_identifier"], m["configuration"]))
        for m in best["selected_model_or_models"]
    ]
    write_text(instructions, with_own_predict(instructions.read_text(encoding="utf-8")))
    return Best(
        ENSEMBLE.join(names),
        best["result_on_crossval_pre_pp"],
        best["result_on_crossval_post_pp"],
        instructions,
    )


def check_labels_agree(truth: GroundTruth, cases: Collection[str], dataset: str) -> None:
    """Raise ValueError if labels differ from nnU-Net's copies, with which it evaluates ensembles, but not models."""
    if not (truth.raw / "labelsTr").is_dir():
        return
    if changed := changed_labels(truth.raw, truth.folder, truth.dataset_json, cases):
        raise ValueError(
            f"the labels of {first_few(changed)} in {truth.raw} are not those in {truth.folder}: nnU-Net would "
            f"evaluate models with the first, ensembles with the second. Remove {truth.folder}, run "
            f"nnUNetv2_plan_and_preprocess -d {dataset_id(dataset)} --clean, and train again what learned from the "
            "labels in it."
        )


def _undefined_dice(folder: Path, models: Sequence[ModelName], folds: Sequence[int]) -> list[str]:
    """Models whose mean Dice nnU-Net has found to be NaN."""
    merged = f"crossval_results_folds_{folds_tuple_to_string(tuple(folds))}"
    summaries = {str(model): folder / str(model) / merged / "summary.json" for model in models}
    return [
        name
        for name, path in summaries.items()
        if math.isnan(load_summary_json(str(path))["foreground_mean"]["Dice"])
    ]


def _check_current(model: Model) -> None:
    """Raise ValueError if predictions are older than the final checkpoint, which will predict, or of another."""
    if stale := model.stale_folds:
        raise ValueError(
            f"{model.name}: predictions of fold {', '.join(map(str, stale))} are older than its final checkpoint, "
            "so they may be of an earlier training. "
            f"{validate_again('nnUNetv2_train with --val --npz, for these folds.')}"
        )
    if others := model.other_checkpoints:
        listed = ", ".join(f"fold {fold} of {checkpoint}" for fold, checkpoint in others.items())
        raise ValueError(
            f"{model.name}: its predictions are not all of the final checkpoint, which the instructions are for: "
            f"{listed}. Validate again: nnUNetv2_train with --val --npz, without --val_best, for these folds."
        )


def _check_probabilities(models: Sequence[Model]) -> None:
    """Raise ValueError if those of a case are missing, or of no prediction, which nnU-Net would ensemble, too."""
    if incomplete := [model.name for model in models if model.cases_without_probabilities]:
        raise ValueError(
            f"{', '.join(incomplete)}: validation probabilities are missing or older than the final checkpoint, so "
            "perhaps of an earlier training, but ensembles need them. Run nnUNetv2_train with --val --npz for each "
            "fold, or give --disable_ensembling."
        )
    for model in models:
        folders = {path.parent for path in model.predictions.values()}
        probabilities = (path for folder in folders for path in folder.glob("*.npz"))
        if left := sorted(str(path) for path in probabilities if path.stem not in model.predictions):
            raise ValueError(
                f"{first_few(left)}: probabilities without a prediction, of an earlier training, which nnU-Net would "
                "ensemble. Remove these files and the .pkl beside them, or give --disable_ensembling."
            )


def _remove_other_cases(pair: Sequence[Model], folds: Sequence[int], ending: str) -> None:
    """Remove the cases of another split from nnU-Net's ensemble of two models: nnU-Net would evaluate them.

    Also its postprocessed cases, which a call that was interrupted leaves, so that they would decide the next choice.
    """
    name = get_ensemble_name(*(str(model.folder) for model in pair), tuple(folds))
    ensemble = pair[0].folder.parent / "ensembles" / name
    shutil.rmtree(ensemble / "postprocessed", ignore_errors=True)
    for case, path in segmentations(ensemble, ending).items():
        if case not in pair[0].predictions:
            path.unlink()


def with_own_predict(instructions: str) -> str:
    """nnU-Net's instructions, but models of this package and of subclasses are predicted by its own `predict`.

    `nnUNetv2_predict` takes the same options, but cannot tell a network the slice spacing of an image, with which it
    was validated, or a slice's position in a volume deeper than its window.
    """
    lines = []
    for line in instructions.splitlines(keepends=True):
        trainer = re.match(r"nnUNetv2_predict .*-tr (\w+)", line)
        is_ours = trainer and _is_ours(trainer[1])
        lines.append(line.replace("nnUNetv2_predict", OWN_PREDICT, 1) if is_ours else line)
    return "".join(lines)


def _is_ours(trainer: str) -> bool:
    try:
        return issubclass(find_trainer(trainer), nnUNetTrainerSlab)
    except ValueError:  # a model trained elsewhere can be evaluated without its trainer
        return trainer.split("_")[0] in BASES

"""The best of some models and their pairs by nnU-Net's own rule, with the instructions to predict with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunetv2.evaluation.find_best_configuration import find_best_configuration
from nnunetv2.paths import nnUNet_results
from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name

from ..dataset_files import check_model
from ..model_name import ModelName
from .compared_models import check_same_cases, trained_model
from .truth import truth_of_dataset


@dataclass(frozen=True)
class Best:
    """Attributes: name: of the model or ensemble; dice: on the validation; instructions: file, as nnU-Net writes it."""

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
    """Compare by mean foreground Dice of the validations, and determine postprocessing for the best.

    nnU-Net's own command tries every combination of trainers, plans and configurations; this takes the models that are
    named, so that a 2D trainer of this package can meet nnU-Net's `3d_fullres`.

    Args:
        ensembles: pairs of models too, whose probabilities must have been saved.

    Raises:
        FileNotFoundError: a model or a fold is not there.
        ValueError: folds hold other cases than the split, a model has no probabilities for ensembles, or its files are
            damaged.
    """
    truth = truth_of_dataset(dataset)
    trained = [trained_model(dataset, str(model), folds, truth) for model in models]
    check_same_cases(trained, truth)
    for model in trained:
        check_model(model.folder)
    lacking = [model.name for model in trained if model.without_probabilities]
    if ensembles and len(trained) > 1 and lacking:
        raise ValueError(
            f"{', '.join(lacking)}: the validation saved no probabilities for ensembles. Run nnUNetv2_train again "
            "with --val --npz for each fold, or give --disable_ensembling."
        )
    named = [{"trainer": m.trainer, "plans": m.plans, "configuration": m.configuration} for m in models]
    found = find_best_configuration(
        dataset, named, allow_ensembling=ensembles, num_processes=processes, folds=tuple(folds), strict=True
    )
    best = found["best_model_or_ensemble"]
    chosen = [
        str(ModelName(m["trainer"], m["plans_identifier"], m["configuration"]))
        for m in best["selected_model_or_models"]
    ]
    return Best(
        " + ".join(chosen),
        best["result_on_crossval_pre_pp"],
        best["result_on_crossval_post_pp"],
        Path(str(nnUNet_results), maybe_convert_to_dataset_name(dataset), "inference_instructions.txt"),
    )

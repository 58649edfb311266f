"""Exports a trained model as a bundle."""

from collections.abc import Sequence
from inspect import signature
from pathlib import Path

from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels

from ..environment import commit, versions
from ..files import check_writable, read_json
from ..fold_split import trained_split_sizes
from ..fold_validation import listed_predictions, older_than_weights, summary_file, validated_checkpoint
from ..inference.predictor import SlabPredictor
from ..inference.trained_model import find_folds, load_predictor
from ..model_name import FINAL, ModelName
from ..networks.compiled import uncompiled
from ..trainers.find_trainer import find_trainer
from .archive import write_archive
from .known_logits import KNOWN, known_logits
from .model_card import model_card
from .weights import to_safetensors

COPIED = ("plans.json", "dataset.json", "dataset_fingerprint.json")
CARD = "MODEL_CARD.md"


def weights_file(fold: str) -> str:
    return f"fold_{fold}.safetensors"


def export_bundle(
    folder: Path, output: Path, folds: Sequence[str] | None, checkpoint: str = FINAL
) -> list[str]:
    """Write what prediction needs of a trained model, and a model card. Works for nnU-Net's own models too.

    Args:
        folder: the model's folder, TRAINER__PLANS__CONFIGURATION.
        output: a zip if it ends in .zip, else a folder.
        folds: folds to export; None exports all trained ones.
        checkpoint: file in each fold's folder.

    Returns:
        the exported folds.

    Raises:
        FileNotFoundError: a fold has no such checkpoint.
        FileExistsError: `output` exists.
        ValueError: the trainer was written for an older nnU-Net, or the folder of `output` cannot be written.
    """
    folder, output = Path(folder), Path(output)
    check_writable(output.parent)
    folds = find_folds(folder, folds, checkpoint)
    predictor = load_predictor(folder, folds, checkpoint, "cpu")
    trainer = find_trainer(predictor.trainer_name)
    if "plans_manager" not in signature(trainer.build_network_architecture).parameters:
        raise ValueError(
            f"{predictor.trainer_name}.build_network_architecture has the signature of nnU-Net before 2.8. Update its "
            "arguments."
        )
    axes = predictor.allowed_mirroring_axes
    manifest = {
        "trainer": predictor.trainer_name,
        "configuration": ModelName.parse(folder.name).configuration,
        "folds": folds,
        "checkpoint": checkpoint,
        "mirroring_axes": None if axes is None else list(axes),
        "versions": versions(),
        "commit": commit(),
        KNOWN: _known_logits(predictor),
    }
    summaries = {}
    for fold in folds if checkpoint == FINAL else ():
        if summary := _validation(folder / f"fold_{fold}", fold):
            summaries[fold] = summary
    files = {name: (folder / name).read_bytes() for name in COPIED}
    files |= {
        weights_file(fold): to_safetensors(state)
        for fold, state in zip(folds, predictor.list_of_parameters, strict=True)
    }
    files[CARD] = model_card(predictor, manifest, summaries).encode()
    write_archive(Path(output), manifest, files)
    return folds


def _validation(fold_folder: Path, fold: str) -> dict | None:
    """nnU-Net's summary of the validation, if it is with the final weights and of no more cases than their split.

    It may list predictions of an earlier training, of --val_best, or of a --val after the split was changed.
    """
    path = summary_file(fold_folder)
    if not path.is_file() or validated_checkpoint(fold_folder) != FINAL:
        return None
    summary = read_json(path, f"Validate fold {fold} again with --val.", keys=("metric_per_case", "mean"))
    listed = listed_predictions(path, summary["metric_per_case"])
    sizes = {validation for _, validation in trained_split_sizes(fold_folder)}
    if older_than_weights(fold_folder, listed) or sizes - {len(listed)}:
        return None
    return summary


def _known_logits(predictor: SlabPredictor) -> list[float]:
    network, configuration = uncompiled(predictor.network), predictor.configuration_manager
    network.load_state_dict(predictor.list_of_parameters[0])
    channels = determine_num_input_channels(predictor.plans_manager, configuration, predictor.dataset_json)
    return known_logits(network, configuration.patch_size, channels)

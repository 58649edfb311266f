"""A trained model's folder: the predictor with its weights, if they fit the plans beside them."""

import json
import multiprocessing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from nnunetv2.utilities.file_path_utilities import get_output_folder
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from ..files import read_json
from .cases import in_one_line
from .predictor import SlabPredictor

# Of the plans: what decides how a prediction is made, beside the configuration.
DECISIVE_PLANS = ("transpose_forward", "transpose_backward", "image_reader_writer", "label_manager")
INTENSITIES = "foreground_intensity_properties_per_channel"
WITHOUT_INTENSITIES = {
    "ZScoreNormalization",
    "NoNormalization",
    "RescaleTo01Normalization",
    "RGBTo01Normalization",
}
INDECISIVE = (
    "batch_size", "batch_dice", "data_identifier", "median_image_size_in_voxels", "resampling_fn_probabilities",
    "resampling_fn_probabilities_kwargs",
)  # fmt: skip


def model_folder(dataset: str | int, trainer: str, plans: str, configuration: str) -> Path:
    """Where nnU-Net keeps a model.

    Raises:
        FileNotFoundError: nothing was trained under these names; lists what there is.
    """
    folder = Path(get_output_folder(dataset, trainer, plans, configuration))
    if not folder.is_dir():
        others = sorted(p.name for p in folder.parent.glob("*__*__*"))
        raise FileNotFoundError(
            f"{folder} does not exist. Train it with: nnUNetv2_train {dataset} {configuration} 0 -tr {trainer} "
            f"-p {plans}. Trained so far: {', '.join(others) or 'nothing'}."
        )
    return folder


def load_predictor(
    folder: str | Path,
    folds: Sequence[int | str] | None = None,
    checkpoint: str = "checkpoint_final.pth",
    device: str = "cuda",
    **options: Any,
) -> SlabPredictor:
    """A predictor with the weights of some folds; several are averaged.

    Args:
        folder: of the model, see `model_folder`.
        folds: e.g. (0, 1, 2) or ("all",); None takes the numbered ones that have the checkpoint, or else "all".
        checkpoint: file in each fold's folder.
        device: cuda, cpu or mps.
        options: of `SlabPredictor`.

    Raises:
        FileNotFoundError: a fold has no such checkpoint.
        ValueError: the device is not there, or the model's plans are not those its training wrote.
    """
    folder = Path(folder)
    chosen = find_folds(folder, folds, checkpoint)
    predictor = SlabPredictor(device=find_device(device), **options)
    for fold in chosen:
        check_as_trained(folder, fold, checkpoint)
    predictor.initialize_from_trained_model_folder(str(folder), chosen, checkpoint)
    return predictor


def check_as_trained(folder: Path, fold: str, checkpoint: str) -> None:
    """Raise ValueError if a later planning replaced the files beside the weights: spacing, patch, labels.

    The checkpoint holds what its training was given.
    """
    weights = folder / f"fold_{fold}" / checkpoint
    try:
        noted = torch.load(weights, map_location="cpu", weights_only=False, mmap=True)["init_args"]
    except Exception as error:  # pickle raises what it likes
        raise ValueError(
            f"{weights} cannot be read: {in_one_line(error)}. Restore it, train that fold again, or choose others "
            "with -f."
        ) from error
    remedy = "Put back the file that the training wrote there"
    given = json.loads(json.dumps({"plans.json": noted["plans"], "dataset.json": noted["dataset_json"]}))
    there = {name: read_json(folder / name, f"{remedy}.") for name in given}
    plans = [_decisive_plans(files["plans.json"], noted["configuration"]) for files in (given, there)]
    descriptions = _decisive_descriptions(given["dataset.json"], there["dataset.json"])
    for name, (then, now) in {"plans.json": plans, "dataset.json": descriptions}.items():
        if differs := _first_difference(then, now):
            entry, trained, found = differs
            raise ValueError(
                f"{folder / name} has {entry} {found}, but fold {fold} was trained with {trained}. {remedy}, or train "
                "again."
            )


def _decisive_plans(plans: dict, configuration: str) -> dict:
    resolved = PlansManager(plans).get_configuration(configuration).configuration
    found = {key: plans.get(key) for key in DECISIVE_PLANS}
    found |= {key: value for key, value in resolved.items() if key not in INDECISIVE}
    if not set(resolved["normalization_schemes"]) <= WITHOUT_INTENSITIES:
        found[INTENSITIES] = plans.get(INTENSITIES)
    return found


def _decisive_descriptions(*descriptions: dict) -> list[dict]:
    """Names may change, but not what they stand for: labels are compared by name where the names are the same."""
    labels = [entries["labels"] for entries in descriptions]
    renamed = len({frozenset(of) for of in labels}) > 1
    return [
        {
            "number of channels": len(entries.get("modality") or entries.get("channel_names", {})),
            "labels": sorted(map(str, of.values())) if renamed else of,
            "regions_class_order": entries.get("regions_class_order"),
        }
        for entries, of in zip(descriptions, labels, strict=True)
    ]


def _first_difference(one: object, other: object, name: str = "") -> tuple[str, object, object] | None:
    """(Name of the entry, its value in one, in the other) where two JSON values differ; None if they do not."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return None if json.dumps(one) == json.dumps(other) else (name, one, other)  # NaN equals NaN
    inner = (
        _first_difference(one.get(key), other.get(key), f"{name}.{key}".lstrip(".")) for key in one | other
    )
    return next(filter(None, inner), None)


def find_folds(folder: Path, folds: Sequence[int | str] | None, checkpoint: str) -> list[str]:
    """The folds to use, see `load_predictor`."""
    found = [p.parent.name.removeprefix("fold_") for p in folder.glob(f"fold_*/{checkpoint}")]
    found = sorted((f for f in found if f.isdigit()), key=int) + [f for f in found if f == "all"]
    wanted = [str(fold) for fold in folds or ()]
    missing = [fold for fold in wanted if fold not in found]
    if missing or not found:
        raise FileNotFoundError(
            f"{folder} has no {checkpoint} of fold {', '.join(missing) or 'any'}. Folds that have one: "
            f"{', '.join(found) or 'none'}; choose with -f, or another file with -chk."
        )
    return wanted or [fold for fold in found if fold != "all"] or found


def find_device(name: str) -> torch.device:
    """Raise ValueError if it is not there; set PyTorch's threads as nnUNetv2_predict does."""
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available.get(name):
        usable = [device for device, there in available.items() if there]
        raise ValueError(f"device {name!r} is not available here. Give -device {' or '.join(usable)}.")
    if name != "mps":
        torch.set_num_threads(multiprocessing.cpu_count() if name == "cpu" else 1)
    return torch.device(name)

"""Loads a predictor from a trained model's folder, and checks that weights and plans match."""

import json
import multiprocessing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from nnunetv2.utilities.file_path_utilities import get_output_folder

from ..environment import cuda_problem
from ..files import read_json
from ..fold_validation import note_begun_again
from ..messages import last_line
from ..model_name import FINAL
from ..plans.differences import decisive_descriptions, decisive_plans, first_difference
from .predictor import SlabPredictor


def model_folder(dataset: str | int, trainer: str, plans: str, configuration: str) -> Path:
    """nnU-Net's folder of a model.

    Raises:
        FileNotFoundError: it does not exist; lists the trained models.
    """
    folder = Path(get_output_folder(dataset, trainer, plans, configuration))
    if not folder.is_dir():
        others = sorted(p.name for p in folder.parent.glob("*__*__*"))
        raise FileNotFoundError(
            f"{folder} does not exist. Train the model: nnUNetv2_train {dataset} {configuration} 0 -tr {trainer} "
            f"-p {plans}. Trained models: {', '.join(others) or 'none'}."
        )
    return folder


def load_predictor(
    folder: str | Path,
    folds: Sequence[int | str] | None = None,
    checkpoint: str = FINAL,
    device: str = "cuda",
    **options: Any,
) -> SlabPredictor:
    """A predictor that averages the given folds; prints a note on stderr if one was started again, see `began_again`.

    Args:
        folder: the model's folder, see `model_folder`.
        folds: e.g. (0, 1, 2) or ("all",); None uses the numbered folds that have the checkpoint, or else "all".
        checkpoint: file in each fold's folder.
        device: cuda, cpu or mps.
        options: of `SlabPredictor`.

    Raises:
        FileNotFoundError: a fold has no such checkpoint.
        ValueError: a fold is given twice, the device is not available, or the model's plans are not those it was
            trained with.
    """
    folder = Path(folder)
    chosen = find_folds(folder, folds, checkpoint)
    predictor = SlabPredictor(device=find_device(device), **options)
    for fold in chosen:
        check_as_trained(folder, fold, checkpoint)
        if checkpoint == FINAL:
            note_begun_again(f"{folder.name}, fold {fold}", folder / f"fold_{fold}")
    predictor.initialize_from_trained_model_folder(str(folder), chosen, checkpoint)
    predictor.source = {"model": str(folder.resolve()), "folds": chosen, "checkpoint": checkpoint}
    return predictor


def check_as_trained(folder: Path, fold: str, checkpoint: str) -> None:
    """Raise ValueError if plans.json or dataset.json differ from those in the checkpoint: spacing, patch size, labels.

    Planning again, for example, replaces them.
    """
    weights = folder / f"fold_{fold}" / checkpoint
    try:
        init_args = torch.load(weights, map_location="cpu", weights_only=False, mmap=True)["init_args"]
    except Exception as error:  # unpickling can raise anything
        raise ValueError(
            f"{weights} cannot be read: {last_line(error)}. Restore it, train that fold again, or choose others "
            "with -f."
        ) from error
    remedy = "Restore the file that training wrote"
    trained = json.loads(
        json.dumps({"plans.json": init_args["plans"], "dataset.json": init_args["dataset_json"]})
    )
    current = {name: read_json(folder / name, f"{remedy}.") for name in trained}
    plans = [decisive_plans(files["plans.json"], init_args["configuration"]) for files in (trained, current)]
    descriptions = decisive_descriptions(trained["dataset.json"], current["dataset.json"])
    for name, (then, now) in {"plans.json": plans, "dataset.json": descriptions}.items():
        if differs := first_difference(then, now):
            entry, expected, found = differs
            raise ValueError(
                f"{folder / name} has {entry} {found}, but fold {fold} was trained with {expected}. {remedy}, or train "
                "again."
            )


def find_folds(folder: Path, folds: Sequence[int | str] | None, checkpoint: str) -> list[str]:
    """The folds to use, see `load_predictor`."""
    found = [p.parent.name.removeprefix("fold_") for p in folder.glob(f"fold_*/{checkpoint}")]
    found = sorted((f for f in found if f.isdigit()), key=int) + [f for f in found if f == "all"]
    wanted = [str(fold) for fold in folds or ()]
    if twice := next((fold for fold in wanted if wanted.count(fold) > 1), ""):
        raise ValueError(
            f"-f {' '.join(wanted)}: fold {twice} is given twice and would count twice in the average. Give each fold "
            "once."
        )
    missing = [fold for fold in wanted if fold not in found]
    if missing or not found:
        raise FileNotFoundError(
            f"{folder} has no {checkpoint} of fold {', '.join(missing) or 'any'}. Folds with that file: "
            f"{', '.join(found) or 'none'}. Choose with -f, or another file with -chk."
        )
    return wanted or [fold for fold in found if fold != "all"] or found


def find_device(name: str) -> torch.device:
    """Raise ValueError if it is not available; set PyTorch's threads as nnUNetv2_predict does."""
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available.get(name):
        usable = [device for device, there in available.items() if there]
        reason = f" ({found})" if name == "cuda" and (found := cuda_problem()) else ""
        raise ValueError(f"device {name!r} is not available{reason}. Use -device {' or '.join(usable)}.")
    if name != "mps":
        torch.set_num_threads(multiprocessing.cpu_count() if name == "cpu" else 1)
    return torch.device(name)

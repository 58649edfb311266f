"""Whether a model's training can begin: its network, and the 2D model that a trainer with `_From2D` starts from."""

import re
from collections.abc import Collection
from pathlib import Path

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from ..messages import in_one_line
from ..trainers.base import nnUNetTrainerSlab
from ..trainers.from_2d import nnUNetTrainerFrom2D
from ..trainers.two_d_model import find_2d_model
from .fold_record import Split
from .two_d_models import StartFrom2D


def check_network(trainer: nnUNetTrainer, model: str) -> None:
    """Initialise a trainer; raise ValueError if that fails, or if its training would stop before the first step.

    Trainers of other packages may need CUDA for it, which the machine that starts the jobs may not have.
    """
    try:
        trainer.initialize()
        if isinstance(trainer, nnUNetTrainerSlab):
            network = trainer.unwrapped_network()
            trainer.check_trainable(network, trainer.configuration_manager, trainer.label_manager)
    except Exception as error:  # PyTorch, timm and the trainers of other packages can raise anything
        if not torch.cuda.is_available() and re.search("cuda|nvidia", str(error), re.IGNORECASE):
            return
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise ValueError(
            f"{model} cannot be trained: {kind}{in_one_line(error).rstrip('.')}. Correct that, or leave the model out "
            "of -m."
        ) from error


def release(trainer: nnUNetTrainer) -> None:
    """Free the memory of an initialised trainer."""
    trainer.network = trainer.optimizer = trainer.lr_scheduler = None


def is_2d(trainer: nnUNetTrainer) -> bool:
    """Whether others can start from it: the patch in the plans that it saves has two sizes."""
    return len(trainer.plans_manager.get_configuration(trainer.configuration_name).patch_size) == 2


def check_2d_model(
    start: StartFrom2D, trainer: nnUNetTrainerFrom2D, coming: Collection[str], split: Split
) -> None:
    """Raise ValueError or FileNotFoundError unless there is one 2D model to start from, and it fits.

    One that is still to be trained or validated is not read: its training has the present plans and split.

    Args:
        trainer: initialised.
        coming: those of `start.others` that train a 2D model.
        split: of the fold; empty for fold all.
    """
    plans, configuration = trainer.plans_manager.plans_name, trainer.configuration_name
    try:
        model = find_2d_model(Path(start.results), plans, configuration, start.fold, coming)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{start.name}: {error} (with nnUNet_results={Path(start.results).parent}; or give that model in -m, too: "
            "crossval trains it first)."
        ) from error
    except ValueError as error:
        raise ValueError(f"{start.name}: {error}") from error
    if model.coming:
        return
    try:
        trainer.load_2d_model(
            model, trainer.read_2d_model(model, split.get("train", ()), split.get("val", ()))
        )
    except (ValueError, FileNotFoundError) as error:
        raise type(error)(f"{start.name}: {error}") from error

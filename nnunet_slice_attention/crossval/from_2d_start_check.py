"""Whether there is a trained 2D model that a training with `_From2D` can start from, and it fits."""

from collections.abc import Collection
from pathlib import Path

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from ..dataset_files import Split
from ..trainers.from_2d import nnUNetTrainerFrom2D
from ..trainers.two_d_model import find_2d_model
from .from_2d_start import StartFrom2D


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

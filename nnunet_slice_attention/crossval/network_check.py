"""Whether a network can be built and trained."""

import re

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from ..messages import in_one_line
from ..trainers.base import nnUNetTrainerSlab
from ..trainers.combination_check import check_augmentation
from ..trainers.gpu_check import check_equal_shares


def check_network(trainer: nnUNetTrainer, model: str, gpus: int = 1) -> None:
    """Initialise a trainer; raise ValueError if that fails, or if its training would stop before the first step.

    Trainers of other packages may need CUDA for it, which the machine that starts the jobs may not have.

    Args:
        gpus: of its training, which need not be on this machine.
    """
    try:
        trainer.initialize()
        if isinstance(trainer, nnUNetTrainerSlab):
            network = trainer.unwrapped_network()
            trainer.check_trainable(network, trainer.configuration_manager, trainer.label_manager)
            check_augmentation(trainer)
            check_equal_shares(trainer, gpus)
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

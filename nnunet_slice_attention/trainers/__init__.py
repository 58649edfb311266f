"""nnU-Net trainers by name, e.g. `from nnunet_slice_attention.trainers import nnUNetTrainerCSANet_50epochs`."""

from .resolver import resolve_trainer
from .variants import BASES, SCHEDULES, VARIANTS

__all__ = ["BASES", "SCHEDULES", "VARIANTS", "resolve_trainer"]


def __getattr__(name: str) -> type:
    return resolve_trainer(name)

"""Whether several GPUs can share each batch of a training."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import nnUNetTrainerSlab


def check_equal_shares(trainer: "nnUNetTrainerSlab", gpus: int) -> None:
    """Raise ValueError if in an epoch to come a GPU would have no slab, or one more than another GPU.

    nnU-Net's Dice loss over a batch gathers one row per slab from every GPU, with an operation for tensors of one size:
    with others it hangs, or returns wrong sums.
    """
    gathers = trainer.configuration_manager.batch_dice
    if any(size < gpus or (gathers and size % gpus) for size in _batches(trainer).values()):
        raise cannot_share(trainer, gpus)


def cannot_share(trainer: "nnUNetTrainerSlab", gpus: int) -> ValueError:
    """The error, with the largest smaller number of GPUs that can share the batches of all epochs to come."""
    batches = _batches(trainer)
    unit, size = next((unit, size) for unit, size in batches.items() if size % gpus)
    fewer = max(n for n in range(1, gpus) if not any(size % n for size in batches.values()))
    more_slabs = trainer.sampling != "context" and not trainer.planned_batch_size % gpus
    return ValueError(
        f"{gpus} GPUs cannot share a batch of {size} {unit} equally. Train with -num_gpus {fewer}, "
        f"{'with the suffix _ContextSlabs, ' if more_slabs else ''}or with plans whose batch size gives a multiple of "
        f"{gpus} {unit}."
    )


def _batches(trainer: "nnUNetTrainerSlab") -> dict[str, int]:
    """Sizes of the batches of all epochs to come, by what they consist of: single slices in a 2D phase, else slabs."""
    phases = map(trainer.in_2d_phase, range(trainer.current_epoch, trainer.num_epochs))
    return {
        "slices" if in_2d else "slabs": trainer.planned_batch_size if in_2d else trainer.slab.train_slabs
        for in_2d in phases
    }

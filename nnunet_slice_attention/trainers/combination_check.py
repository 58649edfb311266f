"""Own trainers that combine ours with another class, such as a variant of nnU-Net: neither is lost silently."""

from nnunetv2.training.lr_scheduler.polylr import PolyLRScheduler
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from ..augmentation.slice_coherent import is_slice_coherent
from .slab_batches import SlabBatches


def check_architecture(trainer: SlabBatches) -> None:
    """Raise ValueError if another class builds a network: in one order ours would be lost, in the other that."""
    method = "build_network_architecture"
    others = [c for c in _not_ours(trainer) if method in vars(c)]
    if others:
        raise ValueError(
            f"{type(trainer).__name__}: {others[0].__name__}.{method} builds another network than {_ours(trainer)}, "
            "and cannot be combined with it. Train without it; a U-Net of other size or norm is set in the plans."
        )


def check_augmentation(trainer: SlabBatches) -> None:
    """Raise ValueError if the augmentation of another class replaces ours, which is then not adapted to slabs."""
    method = "configure_rotation_dummyDA_mirroring_and_inital_patch_size"
    getattr(trainer, method)()
    axes = trainer.inference_allowed_mirroring_axes
    if axes and 0 in axes:
        raise ValueError(f"{_replaced(trainer, method)} It would mirror along the slices (axes {axes}).")
    if not is_slice_coherent(trainer.get_training_transforms((3, 64, 64), (-1.0, 1.0), None, (1, 2), True)):
        raise ValueError(_replaced(trainer, "get_training_transforms"))


def check_schedule(trainer: SlabBatches, scheduler: object) -> None:
    """Raise ValueError if the learning rate schedule of another class would be replaced by ours."""
    if type(scheduler) is PolyLRScheduler:
        return
    other = next(c for c in _not_ours(trainer) if "configure_optimizers" in vars(c)).__name__
    raise ValueError(
        f"{type(trainer).__name__}: {_ours(trainer)} replaces the learning rate schedule of {other}, "
        f"{type(scheduler).__name__}. {_order(trainer, other, _ours(trainer))}, or train without it."
    )


def _not_ours(trainer: SlabBatches) -> list[type]:
    """Classes that a trainer has besides ours and nnU-Net's own trainer."""
    return [c for c in type(trainer).__mro__ if not issubclass(c, SlabBatches) and c is not nnUNetTrainer]


def _ours(trainer: SlabBatches) -> str:
    """Name of the first of a trainer's bases that is ours."""
    return next(c for c in type(trainer).__bases__ if issubclass(c, SlabBatches)).__name__


def _replaced(trainer: SlabBatches, method: str) -> str:
    """What is wrong with the order of a trainer's bases, and the right one."""
    order = type(trainer).__mro__
    other = next(c for c in order[: order.index(SlabBatches)] if method in vars(c)).__name__
    return (
        f"{type(trainer).__name__}: {other}.{method} replaces that of {_ours(trainer)}, which adapts nnU-Net's "
        f"augmentation to slabs of slices. {_order(trainer, _ours(trainer), other)}, or call super() in it."
    )


def _order(trainer: SlabBatches, first: str, second: str) -> str:
    return f"Put {first} first, as in `class {type(trainer).__name__}({first}, {second})`"

"""Own trainers that combine ours with another class, such as a variant of nnU-Net: neither is lost silently."""

from nnunetv2.training.lr_scheduler.polylr import PolyLRScheduler

from ..augmentation.slice_coherent import is_slice_coherent
from .slab_batches import SlabBatches

BUILD, LOAD = "build_network_architecture", "load_checkpoint"


def check_architecture(trainer: SlabBatches) -> None:
    """Raise ValueError if another class builds a network, in whatever order, or loads checkpoints instead of ours."""
    own = type(trainer).__mro__.index(SlabBatches)
    for place, other in enumerate(type(trainer).__mro__):
        if _is_not_ours(other) and BUILD in vars(other):
            raise ValueError(
                f"{type(trainer).__name__}: {other.__name__}.{BUILD} builds a different network from that of "
                f"{_ours(trainer)}. Train without {other.__name__}; norm and size of the U-Net are set in the plans."
            )
        if _is_not_ours(other) and place < own and LOAD in vars(other):
            raise ValueError(
                f"{type(trainer).__name__}: {other.__name__}.{LOAD} replaces that of {_ours(trainer)}, which checks "
                f"what a training continues with. Train without {other.__name__}."
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
    other = _with_optimiser(trainer)
    name, step = other.__name__, f"Train without {other.__name__}"
    if LOAD not in vars(other):  # which is refused there
        step += (
            f", or put it first, as in {_bases(trainer, name)}: then its optimiser and schedule replace ours, also the "
            "warm-up of the added weights"
        )
    raise ValueError(
        f"{type(trainer).__name__}: {_ours(trainer)} replaces the learning rate schedule of {name}, "
        f"{type(scheduler).__name__}. {step}."
    )


def check_optimiser(trainer: SlabBatches) -> None:
    """Raise ValueError if the optimiser of another class would be replaced by one that a suffix names."""
    if other := _with_optimiser(trainer):
        raise ValueError(
            f"{type(trainer).__name__}: the optimiser of {_ours(trainer)} replaces that of {other.__name__}. Train "
            f"without {other.__name__}, or without the suffix for the optimiser."
        )


def _is_not_ours(cls: type) -> bool:
    """Whether a class is neither ours, nor derived from ours, nor nnU-Net's own trainer or what that derives from."""
    return not issubclass(cls, SlabBatches) and not issubclass(SlabBatches, cls)


def _with_optimiser(trainer: SlabBatches) -> type | None:
    """The class besides ours that brings an optimiser or a schedule."""
    others = filter(_is_not_ours, type(trainer).__mro__)
    return next((other for other in others if "configure_optimizers" in vars(other)), None)


def _ours(trainer: SlabBatches) -> str:
    """Name of the first of a trainer's bases that is ours."""
    return next(c for c in type(trainer).__bases__ if issubclass(c, SlabBatches)).__name__


def _replaced(trainer: SlabBatches, method: str) -> str:
    """Which class replaces a method of ours, and the next step."""
    order = type(trainer).__mro__
    other = next(c for c in order[: order.index(SlabBatches)] if method in vars(c)).__name__
    own = other == type(trainer).__name__
    step = (
        f"Put {_ours(trainer)} first, as in {_bases(trainer, _ours(trainer), other)}, or call super() in it."
    )
    return (
        f"{type(trainer).__name__}: {other}.{method} replaces that of {_ours(trainer)}, which adapts nnU-Net's "
        f"augmentation to slabs of slices. {'Call super() in it, and edit the result.' if own else step}"
    )


def _bases(trainer: SlabBatches, *first: str) -> str:
    names = [*first, *(c.__name__ for c in type(trainer).__bases__ if c.__name__ not in first)]
    return f"`class {type(trainer).__name__}({', '.join(names)})`"

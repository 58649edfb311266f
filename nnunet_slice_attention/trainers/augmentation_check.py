"""Own trainers that combine ours with another augmentation, such as that of one of nnU-Net's trainer variants."""

from ..augmentation.slice_coherent import is_slice_coherent
from .slab_batches import SlabBatches


def check_augmentation(trainer: SlabBatches) -> None:
    """Raise ValueError if the augmentation of another class replaces ours, which is then not adapted to slabs."""
    trainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size()
    axes = trainer.inference_allowed_mirroring_axes
    if axes and 0 in axes:
        method = "configure_rotation_dummyDA_mirroring_and_inital_patch_size"
        raise ValueError(
            f"{_replaced(type(trainer), method)} It would mirror along the slices (axes {axes})."
        )
    if not is_slice_coherent(trainer.get_training_transforms((3, 64, 64), (-1.0, 1.0), None, (1, 2), True)):
        raise ValueError(_replaced(type(trainer), "get_training_transforms"))


def _replaced(trainer: type[SlabBatches], method: str) -> str:
    """What is wrong with the order of a trainer's base classes, and the right one."""
    order = trainer.__mro__
    other = next(c for c in order[: order.index(SlabBatches)] if method in vars(c)).__name__
    ours = next(c for c in trainer.__bases__ if issubclass(c, SlabBatches)).__name__
    return (
        f"{trainer.__name__}: {other}.{method} replaces that of {ours}, which adapts nnU-Net's augmentation to slabs "
        f"of slices. Put {ours} first, as in `class {trainer.__name__}({ours}, {other})`, or call super() in it."
    )

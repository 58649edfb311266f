"""Turns 2D plans into plans for slabs, with different depths for training and prediction.

The saved plans, which prediction uses, get a deep patch [S, H, W], because slices at the ends of a slab lack
a neighbour. Training uses many shallow slabs, for more varied batches. See docs/explanation/slabs.md.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from ..networks import EVERY_SLICE, SlabLearning
from .old_plans import with_architecture

Sampling = Literal["context", "short", "full", "centre", "deep"]
MEDIANS_PER_WHOLE_VOLUME = 4  # depth of a patch that is taken for a whole volume, in median volumes


@dataclass(frozen=True)
class SlabRule:
    """How slices form the slabs of a training batch; R is the context radius.

    Attributes:
        depth: slices per slab, from (planned batch size, R).
        number: slabs per batch, from (planned batch size, depth).
        margin: empty slices added at both ends of a volume, from (depth, R), so that its first and last slices are
            sampled at every position in a slab.
        learning: whether the loss is on a slab's middle slice only, and whether the others carry a gradient.
    """

    depth: Callable[[int, int], int]
    number: Callable[[int, int], int]
    margin: Callable[[int, int], int]
    learning: SlabLearning = EVERY_SLICE


def _full_context(batch_size: int, radius: int) -> int:
    """The middle slice has all its neighbours."""
    return 2 * radius + 1


def _same_number_of_slices(batch_size: int, depth: int) -> int:
    """Number times depth is as close as possible to the planned batch size."""
    return max(1, round(batch_size / depth))


def _radius(depth: int, radius: int) -> int:
    """A larger margin would leave too much of a batch empty; end slices may be sampled less often than the others."""
    return radius


SLAB_RULES: dict[str, SlabRule] = {
    # As many slabs as planned slices: a batch has as many independent training slices as nnU-Net's own.
    "context": SlabRule(
        _full_context, lambda batch, depth: batch, _radius, SlabLearning(centre_only=True, context_grad=False)
    ),
    # Most slices of a slab have a neighbour; every slice of a volume is sampled equally often.
    "short": SlabRule(lambda batch, r: max(2, r + 1), _same_number_of_slices, lambda depth, r: depth - 1),
    "full": SlabRule(lambda batch, r: max(2, _full_context(batch, r)), _same_number_of_slices, _radius),
    "centre": SlabRule(_full_context, _same_number_of_slices, _radius, SlabLearning(centre_only=True)),
    "deep": SlabRule(lambda batch, r: max(batch, _full_context(batch, r)), lambda batch, depth: 1, _radius),
}


@dataclass(frozen=True)
class SlabPlan:
    """Depths in slices; H and W in voxels.

    Attributes:
        in_plane: (H, W), the planned 2D patch.
        train_depth: slices per training slab; None for nnU-Net's own 2D patches.
        train_slabs: slabs per training batch.
        train_margin: empty slices added at both ends of a volume in training.
        predict_depth: slices of the patch in the saved plans.
    """

    in_plane: tuple[int, int]
    train_depth: int | None
    train_slabs: int
    train_margin: int
    predict_depth: int

    @property
    def train_patch(self) -> list[int]:
        """[S, H, W], or [H, W]."""
        return [*(() if self.train_depth is None else (self.train_depth,)), *self.in_plane]


def training_slabs(batch_size: int, context_radius: int, sampling: Sampling) -> tuple[int, int]:
    """(depth, number) of the slabs in a batch, for a planned batch of `batch_size` independent slices.

    Raises:
        ValueError: `sampling` is not a key of `SLAB_RULES`.
    """
    if sampling not in SLAB_RULES:
        raise ValueError(f"sampling={sampling!r} is unknown. Choose one of {', '.join(SLAB_RULES)}.")
    rule = SLAB_RULES[sampling]
    depth = rule.depth(batch_size, context_radius)
    return depth, rule.number(batch_size, depth)


def single_slices(slab: SlabPlan, batch_size: int) -> SlabPlan:
    """nnU-Net's own 2D batches of `batch_size` independent slices."""
    return replace(slab, train_depth=None, train_slabs=batch_size, train_margin=0)


def prediction_depth(
    batch_size: int, context_radius: int, median_depth: int, whole_volumes: bool = False
) -> int:
    """Slices of the saved patch: the depth of the median volume if memory allows.

    Prediction stores no activations for a backward pass, so twice the slices of a training batch fit.

    Args:
        whole_volumes: the network takes a patch for a whole volume, see `SlabNetwork`, so almost no volume may be
            deeper. More slices need no memory for features, but for nnU-Net's images and logits.
    """
    if whole_volumes:
        return max(2 * context_radius + 1, MEDIANS_PER_WHOLE_VOLUME * median_depth)
    return max(2 * context_radius + 1, min(median_depth, 2 * batch_size))


def slab_plan(
    plans: dict,
    configuration: str,
    context_radius: int,
    sampling: Sampling = "context",
    whole_volumes: bool = False,
) -> SlabPlan:
    """The slabs for given plans; `whole_volumes` as in `prediction_depth`.

    Idempotent: plans already rewritten give the same result.

    Raises:
        ValueError: a 3D configuration, a cascade, or a data set of 2D images.
    """
    config = PlansManager(plans).get_configuration(configuration)
    check_supported(plans, configuration)
    batch_size = config.batch_size
    depth, slabs = training_slabs(batch_size, context_radius, sampling)
    return SlabPlan(
        in_plane=tuple(int(p) for p in config.patch_size[-2:]),
        train_depth=depth,
        train_slabs=slabs,
        train_margin=SLAB_RULES[sampling].margin(depth, context_radius),
        predict_depth=prediction_depth(batch_size, context_radius, median_depth(plans), whole_volumes),
    )


def median_depth(plans: dict) -> int:
    """Slices of the data set's median volume, along the axis that nnU-Net slices."""
    return round(plans["original_median_shape_after_transp"][0])


def check_supported(plans: dict, configuration: str) -> None:
    """Raise ValueError, with the next step, for configurations that a slab network cannot be trained on."""
    config = PlansManager(plans).get_configuration(configuration)
    if config.previous_stage_name is not None:
        raise ValueError(
            f"configuration {configuration!r} is a cascade stage (previous stage {config.previous_stage_name!r}), but "
            "slice-attention trainers work on stacks of 2D slices. Train configuration 2d instead."
        )
    if len(config.spacing) != 2:
        raise ValueError(
            f"configuration {configuration!r} is 3D (target spacing {list(config.spacing)}), but slice-attention "
            "trainers work on stacks of 2D slices. Train configuration 2d instead."
        )
    if median_depth(plans) <= 1:
        shape = [int(s) for s in plans["original_median_shape_after_transp"]]
        raise ValueError(
            f"data set {plans['dataset_name']!r} has 2D images (median shape {shape}) without neighbouring slices. "
            "Train nnU-Net's own nnUNetTrainer, or store the slices of a volume as one 3D image."
        )


def with_prediction_slab(plans: dict, configuration: str, slab: SlabPlan) -> dict:
    """`with_architecture`, and `configuration` predicts slabs: patch_size [S, H, W]."""
    plans = with_architecture(plans, configuration)
    plans["configurations"][configuration]["patch_size"] = [slab.predict_depth, *slab.in_plane]
    return plans

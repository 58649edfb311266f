"""How a 2D plan becomes a plan for slabs: two depths, for two needs.

The saved plan, which prediction uses, gets a deep patch [S, H, W]: a slice at a slab's end lacks a neighbour.
Training uses shallow slabs, many of them: it lives on variety. See docs/explanation/slabs.md.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Literal

from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from ..networks import EVERY_SLICE, SlabLearning

Sampling = Literal["context", "short", "full", "centre", "deep"]


@dataclass(frozen=True)
class SlabRule:
    """How slices form the slabs of a training batch; R is the context radius, all counts are of slices.

    Attributes:
        depth: of a slab, from (slices of the plan's batch, R).
        number: of slabs, from (slices of the plan's batch, depth).
        margin: missing slices added at both ends of a volume, from (depth, R), so that its first slices are drawn in
            all their contexts.
        learning: whether the loss is on a slab's middle slice only, and gradients pass through the others.
    """

    depth: Callable[[int, int], int]
    number: Callable[[int, int], int]
    margin: Callable[[int, int], int]
    learning: SlabLearning = EVERY_SLICE


def _full(batch_size: int, radius: int) -> int:
    """One slice has all its neighbours."""
    return 2 * radius + 1


def _as_many_slices(batch_size: int, depth: int) -> int:
    """Number times depth is close to the plan's batch, or above it where one slab is."""
    return max(1, round(batch_size / depth))


def _reach(depth: int, radius: int) -> int:
    """With more, too much of a batch would be missing; first and last slices are drawn less often than the others."""
    return radius


SLAB_RULES: dict[str, SlabRule] = {
    # As many slabs as the plan has slices: a batch teaches as many independent slices as nnU-Net's own.
    "context": SlabRule(_full, lambda batch, depth: batch, _reach, SlabLearning(True, False)),
    # Most slices of a slab have a neighbour; every slice of a volume is drawn equally often.
    "short": SlabRule(lambda batch, r: max(2, r + 1), _as_many_slices, lambda depth, r: depth - 1),
    "full": SlabRule(lambda batch, r: max(2, _full(batch, r)), _as_many_slices, _reach),
    "centre": SlabRule(_full, _as_many_slices, _reach, SlabLearning(True)),
    "deep": SlabRule(lambda batch, r: max(batch, _full(batch, r)), lambda batch, depth: 1, _reach),
}


@dataclass(frozen=True)
class SlabPlan:
    """Depths in slices; H and W in voxels.

    Attributes:
        in_plane: (H, W), the plan's 2D patch.
        train_depth: slices of a training slab; None for nnU-Net's own 2D patches.
        train_slabs: slabs of a training batch.
        train_margin: missing slices that a volume gets at both ends in training.
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
    """(depth, number) of a batch's slabs for a plan of `batch_size` independent slices.

    Raises:
        ValueError: `sampling` is no key of `SLAB_RULES`.
    """
    if sampling not in SLAB_RULES:
        raise ValueError(f"sampling={sampling!r} is unknown. Choose one of {', '.join(SLAB_RULES)}.")
    rule = SLAB_RULES[sampling]
    depth = rule.depth(batch_size, context_radius)
    return depth, rule.number(batch_size, depth)


def single_slices(slab: SlabPlan, batch_size: int) -> SlabPlan:
    """nnU-Net's own 2D batches: as many independent slices as the plan has."""
    return replace(slab, train_depth=None, train_slabs=batch_size, train_margin=0)


def prediction_depth(batch_size: int, context_radius: int, median_depth: int) -> int:
    """Slices of the saved patch: the median volume in one piece where memory allows.

    Prediction keeps no activations for a backward pass, so twice the slices of a training batch fit.
    """
    return max(2 * context_radius + 1, min(median_depth, 2 * batch_size))


def slab_plan(
    plans: dict, configuration: str, context_radius: int, sampling: Sampling = "context"
) -> SlabPlan:
    """The slabs for a plan. Idempotent: a plan already rewritten gives the same answer.

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
        predict_depth=prediction_depth(batch_size, context_radius, median_depth(plans)),
    )


def median_depth(plans: dict) -> int:
    """Slices of the data set's median volume, along the axis nnU-Net slices."""
    return round(plans["original_median_shape_after_transp"][0])


def check_supported(plans: dict, configuration: str) -> None:
    """Raise ValueError, with the reason and the next step, for what a slab network cannot train on."""
    config = PlansManager(plans).get_configuration(configuration)
    if config.previous_stage_name is not None:
        raise ValueError(
            f"configuration {configuration!r} is a cascade stage (previous stage {config.previous_stage_name!r}). "
            "Slice-attention trainers work on stacks of 2D slices: train configuration 2d instead."
        )
    if len(config.spacing) != 2:
        raise ValueError(
            f"configuration {configuration!r} is 3D (target spacing {list(config.spacing)}). Slice-attention "
            "trainers work on stacks of 2D slices: train configuration 2d instead."
        )
    if median_depth(plans) <= 1:
        shape = [int(s) for s in plans["original_median_shape_after_transp"]]
        raise ValueError(
            f"data set {plans['dataset_name']!r} holds 2D images (median shape {shape}), which have no neighbouring "
            "slices. Train nnU-Net's own nnUNetTrainer, or store the slices of a volume as one 3D image."
        )


def with_prediction_slab(plans: dict, configuration: str, slab: SlabPlan) -> dict:
    """A copy of `plans` whose `configuration` predicts slabs: patch_size [S, H, W], and `with_architecture`."""
    plans = with_architecture(plans, configuration)
    plans["configurations"][configuration]["patch_size"] = [slab.predict_depth, *slab.in_plane]
    return plans


def with_architecture(plans: dict, configuration: str) -> dict:
    """A copy of `plans` whose `configuration` has the entry "architecture", all else untouched.

    Plans of nnU-Net 2.0 to 2.3 list the sizes of a U-Net instead. nnU-Net converts them whenever it reads them, and
    takes the dimension of the layers from the patch: so before that becomes a slab.
    """
    plans = deepcopy(plans)
    if not has_architecture(plans, configuration):
        converted = PlansManager(plans).get_configuration(configuration).configuration
        plans["configurations"][configuration]["architecture"] = converted["architecture"]
    return plans


def has_architecture(plans: dict, configuration: str) -> bool:
    """Whether a configuration, or one it inherits from, has the entry "architecture"; False for older plans."""
    entries = plans["configurations"].get(configuration, {})
    return "architecture" in entries or (
        "inherits_from" in entries and has_architecture(plans, entries["inherits_from"])
    )

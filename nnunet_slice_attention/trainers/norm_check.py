"""Batch norm and context without a gradient do not go together."""

from typing import TYPE_CHECKING

from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager

from ..networks import SlabNetwork
from ..plans.slabs import SLAB_RULES

if TYPE_CHECKING:
    from .base import nnUNetTrainerSlab


def check_norm(
    trainer: "type[nnUNetTrainerSlab]", network: SlabNetwork, configuration: ConfigurationManager
) -> None:
    """Raise ValueError for batch norm if a trainer's network encodes context apart from its targets.

    Each of the two would be normalised by its own statistics; the running ones, which prediction uses for both, would
    be a mixture.
    """
    learning = SLAB_RULES[trainer.sampling].learning
    apart = learning.centre_only and not learning.context_grad
    apart &= network.fusion_radius + network.copied_radius > 0
    plans_norm = configuration.network_arch_init_kwargs.get("norm_op")
    if apart and str(plans_norm).endswith("BatchNorm2d"):
        raise ValueError(
            f"these plans have {plans_norm}, and {trainer.__name__} encodes neighbouring slices without a "
            "gradient, apart from the slices that it learns from: their statistics would not be those of prediction. "
            "Add the suffix _FullSlabs, in which all slices learn, or plan with instance norm, as nnU-Net does."
        )

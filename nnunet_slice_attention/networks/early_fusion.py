"""Early fusion: neighbouring slices as input channels of the planned 2D U-Net. The usual "2.5D", a control."""

from collections.abc import Sequence
from typing import Any

from .slab_network import SlabNetwork
from .topology import UNetTopology


class EarlyFusion(SlabNetwork):
    """nnU-Net's 2D U-Net on a slice with `context_radius` neighbours on each side as further input channels.

    Missing neighbours are replaced by the centre slice.

    Args:
        in_channels, num_classes, topology, deep_supervision, repeat_centre, zero_start, position: see `SlabNetwork`.
        patch_size: (H, W) in voxels; checked to be large enough to pool.
        base_options: further arguments of `SlabNetwork`: `learning`, `has_background`, `copies_learn`.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        topology: UNetTopology,
        patch_size: Sequence[int],
        deep_supervision: bool = False,
        context_radius: int = 1,
        repeat_centre: bool = False,
        zero_start: bool = False,
        position: bool = False,
        **base_options: Any,
    ):
        topology.check_patch(patch_size)
        super().__init__(
            in_channels,
            num_classes,
            topology,
            deep_supervision,
            context_radius,
            slices_per_image=2 * context_radius + 1,
            repeat_centre=repeat_centre,
            zero_start=zero_start,
            position=position,
            **base_options,
        )

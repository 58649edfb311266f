"""The planned 2D U-Net on every slice of a slab: the control that separates sampling from attention.

It sees no neighbours. With context slabs, which then are single slices, it is nnU-Net's `2d`; with other slabs it
differs only in which slices share a batch and an augmentation.
"""

from collections.abc import Sequence
from typing import Any

from .slab_network import SlabNetwork
from .topology import UNetTopology


class SliceUNet(SlabNetwork):
    """nnU-Net's 2D U-Net, context radius 0.

    Args:
        in_channels, num_classes, topology, deep_supervision, position: see `SlabNetwork`.
        patch_size: (H, W) in voxels; checked to be large enough to pool.
        base_options: further arguments of `SlabNetwork`: `learning`, `has_background`, `copies_learn`.
    """

    sees_neighbours = False
    always_starts_as_2d = True

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        topology: UNetTopology,
        patch_size: Sequence[int],
        deep_supervision: bool = False,
        position: bool = False,
        **base_options: Any,
    ):
        topology.check_patch(patch_size)
        super().__init__(
            in_channels, num_classes, topology, deep_supervision, position=position, **base_options
        )

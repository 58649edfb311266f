"""The plan's own 2D U-Net on every slice of a slab: the control that separates sampling from attention.

It sees no neighbour. In context slabs, of which it decodes the middle slice alone, it is nnU-Net's `2d`; in other slabs
it differs from that only in which slices share a batch and an augmentation.
"""

from collections.abc import Sequence
from typing import Any

from .slab_network import SlabNetwork
from .topology import UNetTopology


class SliceUNet(SlabNetwork):
    """Stock 2D U-Net, context radius 0.

    Args:
        in_channels, num_classes, topology, deep_supervision: see `SlabNetwork`.
        patch_size: (H, W) in voxels, to check that it can be pooled.
        slab: `learning` and `has_background`, see `SlabNetwork`.
    """

    always_starts_as_2d = True

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        topology: UNetTopology,
        patch_size: Sequence[int],
        deep_supervision: bool = False,
        **slab: Any,
    ):
        topology.check_patch(patch_size)
        super().__init__(in_channels, num_classes, topology, deep_supervision, **slab)

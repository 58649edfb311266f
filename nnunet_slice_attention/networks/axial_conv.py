"""Axial convolution: one convolution along the slices at the bottleneck of the planned 2D U-Net. A control.

Cheap and without attention: a baseline for the attention networks.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..attention.neighbours import Neighbourhood
from .blocks import ZeroInitResidual, conv_block_like
from .slab_network import SlabNetwork
from .topology import UNetTopology


class AxialConv(SlabNetwork):
    """2D U-Net with a (2R+1) x 1 x 1 convolution, norm and activation after the encoder.

    Missing neighbours are replaced by the centre slice.

    Args:
        in_channels, num_classes, topology, deep_supervision, repeat_centre, zero_start: see `SlabNetwork`.
        patch_size: (H, W) in voxels; checked to be large enough to pool.
        base_options: further arguments of `SlabNetwork`: `learning`, `has_background`, `copies_learn`.
        context_radius: R.

    With `zero_start` the output is the centre's features plus a zero-initialised gain times the convolution.
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
        **base_options: Any,
    ):
        topology.check_patch(patch_size)
        super().__init__(
            in_channels,
            num_classes,
            topology,
            deep_supervision,
            context_radius,
            repeat_centre=repeat_centre,
            **base_options,
        )
        self.offsets = range(-context_radius, context_radius + 1)
        dim = topology.features[-1]
        # A convolution along the slices is a 1x1 convolution of the neighbours' concatenated channels.
        self.axial = conv_block_like(self.encoder, len(self.offsets) * dim, dim, kernel_size=1)
        self.added = ZeroInitResidual(dim) if zero_start else None

    def fuse(self, skips: list[Tensor], around: Neighbourhood) -> list[Tensor]:
        *fine, deepest = skips
        slices = torch.cat([around.neighbour_or_centre(deepest, o) for o in self.offsets], dim=2)
        mixed = self.axial(slices.flatten(0, 1)).unflatten(0, slices.shape[:2])
        if self.added is not None:
            mixed = self.added(around.centre(deepest), mixed)
        return [*(around.centre(skip) for skip in fine), mixed]

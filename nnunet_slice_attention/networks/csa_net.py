"""CSA-Net (arXiv 2405.00130; Comput Biol Med 182:109173), an adaptation to nnU-Net.

Per centre slice: shared encoder -> at stride 16 cross-slice attention with each neighbour, in-slice attention -> 1x1
aggregation -> ViT encoder with learned positions -> convolutional decoder with the centre slice's skips.

Deviations from the paper, and why:
- The encoder and decoder are the planned U-Net instead of a pretrained ResNet-50 and TransUNet's decoder: patch size
  and depth come from the plans, deep supervision works. `r50_vit` gives the paper's encoder and transformer.
- The planned stages below stride 16 are kept, and the attention is on the skip at that stage. Truncated there, with
  an untrained transformer as the only source of global context, the network learned more slowly than the planned
  2D U-Net. See benchmark_results/design_choices.
- Residuals, norms and positions around the attention, see `attention/cross_slice.py`.
- The ViT is as wide as the encoder at stride 16 (paper: 768) and trains from scratch, without dropout, so its blocks
  have LayerScale and no biases in queries, keys and values (`r50_vit`: as pretrained). It has 4 blocks (paper: 12):
  with twelve a step took 1.3 times as long, with no significant gain. See benchmark_results/thick_hippocampus.
- Queries come from the centre slice; the paper's direction is an option. See docs/explanation/csa-net.md.
- As many heads of 64 channels, the paper's width, as the stage has channels for (paper: 16 for 1024 channels). See
  benchmark_results/csa_attention.
- With more than three slices all previous slices share one module and all next slices another; the paper has three.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from einops import rearrange
from torch import Tensor

from ..attention.cross_slice import (
    POSITION_STD,
    CrossSliceAttention,
    Direction,
    InSliceAttention,
    check_direction,
)
from ..attention.multi_head import default_num_heads
from ..attention.neighbours import Neighbourhood
from ..attention.position import LearnedPosition
from ..attention.vit import VisionTransformerEncoder
from .blocks import ZeroInitResidual, conv_block_like
from .r50_vit import VIT_WIDTH, R50Topology
from .slab_network import SlabNetwork
from .topology import UNetTopology

ATTENTION_STRIDE = 16  # pixels of the input per token, as in the paper
VIT_DEPTH, PAPER_VIT_DEPTH = 4, 12


class CSANet(SlabNetwork):
    """CSA-Net on slabs.

    Args:
        in_channels, num_classes, topology, deep_supervision, repeat_centre: see `SlabNetwork`.
        patch_size: (H, W) in voxels; the position embedding is learned on its token grid.
        base_options: further arguments of `SlabNetwork`: `learning`, `has_background`, `copies_learn`.
        context_radius: neighbours on each side; 0 switches cross-slice attention off.
        num_heads: heads of cross-slice and in-slice attention; must divide the width at stride 16.
            Default one per 64 channels, as in the paper, see `default_num_heads`.
        direction: where queries come from, see `CrossSliceAttention`.
        cross_slice, in_slice: switch either attention module off.
        identity: both off; aggregation and transformer stay.
        vit_depth: transformer blocks; default 4, with `r50_vit` the paper's 12.
        vit_width: token width; default the encoder's width at stride 16.
        zero_start: see `SlabNetwork`; the centre's features plus a zero-initialised gain times the above.
        r50_vit: ResNet-50 and ViT-B (width 768) as in the paper, see `R50Topology`; `load_timm_weights` loads weights.

    Raises:
        ValueError: both `zero_start` and `r50_vit`, unknown `direction`, or heads that do not divide the width.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        topology: UNetTopology,
        patch_size: Sequence[int],
        deep_supervision: bool = False,
        context_radius: int = 1,
        num_heads: int | None = None,
        direction: Direction = "centre_query",
        cross_slice: bool = True,
        in_slice: bool = True,
        vit_depth: int | None = None,
        vit_width: int | None = None,
        identity: bool = False,
        repeat_centre: bool = False,
        r50_vit: bool = False,
        zero_start: bool = False,
        **base_options: Any,
    ):
        if zero_start and r50_vit:
            raise ValueError(
                "zero_start starts as the planned 2D network, which r50_vit replaces. Choose one of them."
            )
        if r50_vit:
            topology, vit_width = R50Topology.from_topology(topology), vit_width or VIT_WIDTH
        if vit_depth is None:
            vit_depth = PAPER_VIT_DEPTH if r50_vit else VIT_DEPTH
        cross_slice, in_slice = cross_slice and not identity, in_slice and not identity
        radius = context_radius if cross_slice else 0
        topology.check_patch(patch_size)
        check_direction(direction)
        super().__init__(
            in_channels,
            num_classes,
            topology,
            deep_supervision,
            radius,
            repeat_centre=repeat_centre,
            zero_start=zero_start,
            **base_options,
        )
        self.offsets = range(-radius, radius + 1)
        self.stage = topology.stage_nearest(ATTENTION_STRIDE)
        dim = topology.features[self.stage]
        num_heads = default_num_heads(dim) if num_heads is None else num_heads
        vit_width = vit_width or dim
        stride = topology.total_strides[self.stage]
        grid = tuple(math.ceil(p / s) for p, s in zip(patch_size, stride, strict=True))

        self.previous = CrossSliceAttention(dim, num_heads, direction) if radius else None
        self.next = CrossSliceAttention(dim, num_heads, direction) if radius else None
        self.in_slice = InSliceAttention(dim, num_heads) if in_slice else None
        self.position = (
            LearnedPosition(dim, grid, std=POSITION_STD[direction]) if in_slice or radius else None
        )
        n_branches = 2 * radius + bool(in_slice)
        self.aggregate = conv_block_like(self.encoder, max(1, n_branches) * dim, dim, kernel_size=1)
        self.transformer = VisionTransformerEncoder(dim, vit_width, vit_depth, grid, as_pretrained=r50_vit)
        self.project = conv_block_like(self.encoder, vit_width, dim, kernel_size=3)
        self.added = ZeroInitResidual(dim) if zero_start else None

    def fuse(self, skips: list[Tensor], around: Neighbourhood) -> list[Tensor]:
        at_centre = [around.centre(skip) for skip in skips]
        centre = rearrange(at_centre[self.stage], "b t c h w -> (b t) c h w")

        position = self.position(*centre.shape[-2:]) if self.position is not None else None
        branches = []
        for offset in self.offsets:
            if offset:
                neighbour = around.neighbour_or_centre(skips[self.stage], offset)
                neighbour = rearrange(neighbour, "b t c h w -> (b t) c h w")
                branches.append((self.previous if offset < 0 else self.next)(centre, neighbour, position))
            elif self.in_slice is not None:
                branches.append(self.in_slice(centre, position))
        aggregated = self.aggregate(torch.cat(branches or [centre], dim=1))
        features = self.project(self.transformer(aggregated))
        if self.added is not None:
            features = self.added(centre, features)
        at_centre[self.stage] = rearrange(features, "(b t) c h w -> b t c h w", b=len(skips[0]))
        return at_centre

    def weights_at(self, skip: Tensor, around: Neighbourhood, row: int, column: int) -> dict[int, Tensor]:
        """Where a location of one slice looks: {offset: weights (h, w)}, each with sum 1, in float32.

        The offset 0 is the in-slice attention. Offsets at which there is no slice are left out.

        Args:
            skip: features of a stack at `stage`, (1, S, d, h, w).
            around: the one centre slice, and which slices exist.
            row, column: the location on the features' grid.
        """
        centre = around.centre(skip)[:, 0]
        position = self.position(*centre.shape[-2:])
        found = {}
        for offset in self.offsets:
            attention = (self.previous if offset < 0 else self.next) if offset else self.in_slice
            other, exists = around.neighbour(skip, offset)
            if attention is not None and exists.all():
                found[offset] = attention.weights_at(centre, other[:, 0], position, row, column)[0]
        return found

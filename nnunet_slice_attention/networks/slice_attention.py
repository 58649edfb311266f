"""SliceAttention: the planned 2D U-Net with attention across slices at its skips. This package's own network.

Shared encoder -> at the skips each pixel attends to the same pixel of the neighbouring slices -> decoder. What differs
from the four papers, and why:
- Neighbours enter at the skips, where the detail is, and not only at the bottleneck or as a weight.
- What they add starts at exactly zero: the network starts as the planned 2D network, so it can start from a trained one
  (`two_d_weights.load_2d_weights`) or be trained as one first.
"""

from collections.abc import Sequence
from typing import Any, Literal, get_args

from torch import Tensor, nn

from ..attention.neighbours import Neighbourhood, offsets_within
from ..attention.slice_attention import SliceAttentionLayer, SliceMixingLayer
from .slab_context import check_radius
from .slab_network import SlabNetwork
from .topology import UNetTopology

FinerSkips = Literal["plain", "mixing"]
FINER_SKIPS = get_args(FinerSkips)


class SliceAttention(SlabNetwork):
    """SliceAttention on slabs.

    Args:
        in_channels, num_classes, topology, deep_supervision, repeat_centre, position: see `SlabNetwork`.
        patch_size: (H, W) in voxels; checked to be large enough to pool.
        base_options: further arguments of `SlabNetwork`: `learning`, `has_background`, `copies_learn`.
        context_radius: neighbours on each side that are attended to.
        finest_stage: the finest encoder stage with attention on its skip; all coarser ones and the bottleneck have it
            too. At stage 0 attention takes half of its total time and memory; the number of stages means no attention.
        finer_skips: "plain", as in the planned 2D U-Net, or low-rank "mixing", see `SliceMixingLayer`.
        slices_per_image: neighbouring slices that also enter the first convolution as channels; odd.

    Raises:
        ValueError: `finest_stage` out of range, unknown `finer_skips`, or "mixing" with no skip or no slice to mix.
    """

    always_starts_as_2d = True

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        topology: UNetTopology,
        patch_size: Sequence[int],
        deep_supervision: bool = False,
        context_radius: int = 1,
        finest_stage: int = 1,
        finer_skips: FinerSkips = "plain",
        slices_per_image: int = 1,
        repeat_centre: bool = False,
        position: bool = False,
        **base_options: Any,
    ):
        topology.check_patch(patch_size)
        n_stages = len(topology.features)
        if not 0 <= finest_stage <= n_stages:
            raise ValueError(
                f"finest_stage={finest_stage} must be from 0 to {n_stages}, the number of stages."
            )
        if finest_stage == n_stages and finer_skips == "plain":
            raise ValueError(
                f"finest_stage={finest_stage}: these plans have {n_stages} stages, so no stage would have attention. "
                "Choose a smaller one (suffix _SkipsNUp), or add the suffix _Mixing."
            )
        if finer_skips not in FINER_SKIPS:
            raise ValueError(f"finer_skips={finer_skips!r} is unknown. Choose one of {FINER_SKIPS}.")
        if finer_skips == "mixing" and finest_stage == 0:
            raise ValueError(
                "finer_skips='mixing' with finest_stage=0: every skip has attention, so no finer one is left to mix. "
                "Remove the suffix _Mixing, or choose a coarser finest_stage (suffix _SkipsNUp instead of _AllSkips)."
            )
        if finer_skips == "mixing" and context_radius == 0:
            raise ValueError(
                "finer_skips='mixing' with context_radius=0: there are no neighbouring slices to mix. Remove the "
                "suffix _Mixing, or use more slices (suffix _3slices instead of _1slice)."
            )
        super().__init__(
            in_channels,
            num_classes,
            topology,
            deep_supervision,
            self.slab_radius(context_radius, slices_per_image),
            slices_per_image,
            repeat_centre,
            zero_start=True,
            position=position,
            **base_options,
        )
        reach = range(-context_radius, context_radius + 1)
        layers = []
        for stage, width in enumerate(topology.features):
            if stage >= finest_stage:
                layers.append(SliceAttentionLayer(width, reach))
            elif finer_skips == "mixing":
                layers.append(SliceMixingLayer(width, offsets_within(context_radius)))
            else:
                layers.append(None)
        self.across = nn.ModuleList(layers)

    @classmethod
    def slab_radius(cls, context_radius: int | None = None, slices_per_image: int = 1, **options) -> int:
        radius = check_radius(cls.default_context_radius if context_radius is None else context_radius)
        return radius + slices_per_image // 2

    def fuse(self, skips: list[Tensor], around: Neighbourhood) -> list[Tensor]:
        at_centre = super().fuse(skips, around)
        return [
            centre if layer is None else layer(skip, around)
            for layer, skip, centre in zip(self.across, skips, at_centre, strict=True)
        ]

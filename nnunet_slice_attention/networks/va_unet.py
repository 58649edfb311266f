"""Volumetric Attention (Wang et al., MICCAI 2019, arXiv 2004.01997) in a U-Net, an adaptation to nnU-Net.

Shared encoder -> volumetric channel, then spatial attention on every skip and the bottleneck -> decoder.

Deviations from the paper, and why:
- The paper puts the attention on the feature pyramid of a Mask R-CNN detector; here the encoder's stages are the
  pyramid, and nnU-Net segments.
- A bag holds the neighbours only, `2 * context_radius` images; an image is one slice by default, the paper's three are
  an option.
- Changes inside the attention: see `attention/volumetric.py`.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from ..attention.neighbours import Neighbourhood, offsets_within
from ..attention.volumetric import VolumetricAttention
from .slab_context import check_radius
from .slab_network import SlabNetwork
from .topology import UNetTopology


class VAUNet(SlabNetwork):
    """VA U-Net on slabs.

    Args:
        in_channels, num_classes, topology, deep_supervision, slices_per_image, repeat_centre, zero_start: see
            `SlabNetwork`.
        patch_size: (H, W) in voxels; checked to be large enough to pool.
        base_options: further arguments of `SlabNetwork`: `learning`, `has_background`, `copies_learn`.
        context_radius: images on each side of the target, adjacent and without overlap; the bag has twice as many.
        identity: omit the attention.
        channel, spatial, multiplicative: see `VolumetricAttention`.

    Raises:
        ValueError: both `zero_start` and `multiplicative`.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        topology: UNetTopology,
        patch_size: Sequence[int],
        deep_supervision: bool = False,
        context_radius: int = 1,
        slices_per_image: int = 1,
        identity: bool = False,
        channel: bool = True,
        spatial: bool = True,
        multiplicative: bool = False,
        repeat_centre: bool = False,
        zero_start: bool = False,
        **base_options: Any,
    ):
        topology.check_patch(patch_size)
        radius = bag_radius(context_radius, identity, channel, spatial)
        super().__init__(
            in_channels,
            num_classes,
            topology,
            deep_supervision,
            self.slab_radius(radius, slices_per_image),
            slices_per_image,
            repeat_centre,
            zero_start,
            **base_options,
        )
        offsets = offsets_within(radius, slices_per_image)
        self.attention = nn.ModuleList(
            VolumetricAttention(dim, offsets, channel, spatial, multiplicative, zero_start)
            for dim in (topology.features if radius else [])
        )

    @classmethod
    def slab_radius(cls, context_radius: int | None = None, slices_per_image: int = 1, **options) -> int:
        images = check_radius(cls.default_context_radius if context_radius is None else context_radius)
        return images * slices_per_image + slices_per_image // 2

    def fuse(self, skips: list[Tensor], around: Neighbourhood) -> list[Tensor]:
        if not self.attention:
            return super().fuse(skips, around)
        return [attend(skip, around) for attend, skip in zip(self.attention, skips, strict=True)]


def bag_radius(context_radius: int, identity: bool, channel: bool, spatial: bool) -> int:
    """Images on each side of the target that the attention reads; 0 if there is no attention."""
    return 0 if identity or not (channel or spatial) else context_radius

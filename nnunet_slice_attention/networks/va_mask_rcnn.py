"""Volumetric Attention (Wang et al., MICCAI 2019, arXiv 2004.01997) in Mask R-CNN, as in the paper.

Shared ResNet and feature pyramid -> volumetric channel, then spatial attention on P2 to P5 -> region proposals -> boxes
and masks. Images are three neighbouring slices; the bag holds the adjacent images, which do not overlap the target.

A slice is segmented by its instances: the probability of a structure is the maximum over its instances of score times
mask. In training the output is the pyramid, because the detector samples its regions with the targets, in `losses`.

Deviations from the paper: see `mask_rcnn.py` and `attention/volumetric.py`; a bag holds the neighbours only; the option
`location="rcnn"` has one attention for boxes and one for masks.
"""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import torch
from einops import rearrange
from torch import Tensor, nn

from ..attention.neighbours import Neighbourhood, offsets_within, unsqueeze_like
from ..attention.slicewise import slicewise
from ..attention.volumetric import VolumetricAttention
from .mask_rcnn import LEVELS, MaskRCNNTopology
from .missing_slices import fill_missing
from .slab_network import Logits, SlabNetwork
from .topology import UNetTopology
from .va_unet import VAUNet, bag_radius

Location = Literal["rpn", "rcnn"]


class VAMaskRCNN(SlabNetwork):
    """VA Mask R-CNN on slabs.

    Args:
        in_channels, num_classes, slices_per_image, repeat_centre: see `SlabNetwork`.
        topology: not used, except to check the patch: the network is a ResNet and a detector.
        patch_size: (H, W) in voxels.
        deep_supervision: return a list, of one.
        context_radius: images on each side of the target, adjacent and without overlap; the bag has twice as many.
        identity: omit the attention.
        channel, spatial, multiplicative: see `VolumetricAttention`.
        location: attention on the feature pyramid before the regions are proposed ("rpn"), or on the features of each
            region, before the heads ("rcnn").
        resnet: depth of the ResNet, as torchvision has it.
        has_background: see `SlabNetwork`.
        base_options: further arguments of `SlabNetwork`: `learning`, `copies_learn`.

    Raises:
        ValueError: unknown `location`.
    """

    normalises_in_plane = False  # by frozen statistics

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        topology: UNetTopology,
        patch_size: Sequence[int],
        deep_supervision: bool = False,
        context_radius: int = 1,
        slices_per_image: int = 3,
        identity: bool = False,
        channel: bool = True,
        spatial: bool = True,
        multiplicative: bool = False,
        location: Location = "rpn",
        resnet: int = 50,
        repeat_centre: bool = False,
        has_background: bool = True,
        **base_options: Any,
    ):
        topology.check_patch(patch_size)
        if location not in (known := get_args(Location)):
            raise ValueError(f"location={location!r} is unknown. Choose {' or '.join(known)}.")
        radius = bag_radius(context_radius, identity, channel, spatial)
        super().__init__(
            in_channels,
            num_classes,
            MaskRCNNTopology.with_resnet(resnet, has_background),
            deep_supervision,
            self.slab_radius(radius, slices_per_image),
            slices_per_image,
            repeat_centre,
            has_background=has_background,
            **base_options,
        )
        self.offsets = offsets_within(radius, slices_per_image)
        self.attention = nn.ModuleList()
        self.heads_attend = radius > 0 and location == "rcnn"

        def attention(offsets: list[int]) -> VolumetricAttention:
            return VolumetricAttention(self.encoder.width, offsets, channel, spatial, multiplicative)

        if self.heads_attend:
            heads = self.decoder.roi_heads
            for pool in ("box_roi_pool", "mask_roi_pool"):
                attending = AttendingRoIAlign(getattr(heads, pool), attention(offsets_within(radius)))
                setattr(heads, pool, attending)
        elif radius:
            self.attention.extend(attention(self.offsets) for _ in LEVELS)

    @classmethod
    def slab_radius(cls, context_radius: int | None = None, slices_per_image: int = 3, **options) -> int:
        return VAUNet.slab_radius(context_radius, slices_per_image)

    def fuse(self, skips: list[Tensor], around: Neighbourhood) -> list[Tensor]:
        """The input of `Detector`, as (B, T, ...)."""
        if self.heads_attend:
            return self._with_context(skips, around)
        if not self.attention:
            return super().fuse(skips, around)
        return [attend(level, around) for attend, level in zip(self.attention, skips, strict=True)]

    def _with_context(self, skips: list[Tensor], around: Neighbourhood) -> list[Tensor]:
        middle = len(self.offsets) // 2
        offsets = [*self.offsets[:middle], 0, *self.offsets[middle:]]
        exists = torch.stack([around.neighbour(around.valid, offset)[1] for offset in offsets], dim=2)
        levels = [torch.cat([around.neighbour(s, offset)[0] for offset in offsets], dim=2) for s in skips]
        return [*levels, exists[..., None, None].to(skips[0].dtype)]

    def decode(self, skips: list[Tensor], around: Neighbourhood, size: Sequence[int]) -> Logits:
        """As in `SlabNetwork`; in training what `losses` takes, with slices as axis 1."""
        pyramid = self.fuse(skips, around)
        if self.training:
            valid = around.centre(around.valid)
            # As the logits of a U-Net: no gradient through the norms of an empty slice.
            return [torch.where(unsqueeze_like(valid, p), p, torch.zeros_like(p)) for p in pyramid]
        logits = slicewise(self.decoder, pyramid)[..., : size[0], : size[1]]
        logits = fill_missing(logits, around, self.has_background)
        return [logits] if self.decoder.deep_supervision else logits

    def head_outputs(self, slab: Tensor) -> list[Tensor]:
        """Of all heads for a slab (B, C, S, H, W), see `Detector.head_outputs`."""
        stack = rearrange(slab, "b c s h w -> b s c h w")
        slices, valid = range(stack.shape[1]), self.valid_slices(stack)
        around = Neighbourhood(slices, valid, self.repeat_centre)
        pyramid = self.fuse(self.encode(stack, valid, slices), around)
        return self.decoder.head_outputs([level.flatten(0, 1) for level in pyramid])

    def losses(self, pyramid: list[Tensor], target: Tensor) -> dict[str, Tensor]:
        """Mask R-CNN's losses by name.

        Args:
            pyramid: the output in training, (B, C, T, h, w) per level.
            target: nnU-Net's, (B, 1, T, H, W) of labels or (B, n, T, H, W) of regions.
        """
        *levels, target = (rearrange(t, "b c t h w -> (b t) c h w") for t in (*pyramid, target))
        return self.decoder.losses(levels, target)


class AttendingRoIAlign(nn.Module):
    """Volumetric attention on the features of each region, in the place of torchvision's `MultiScaleRoIAlign`."""

    def __init__(self, align: nn.Module, attention: VolumetricAttention):
        super().__init__()
        self.align, self.attention = align, attention

    def forward(self, features: dict[str, Tensor], boxes: list[Tensor], image_shapes: list) -> Tensor:
        """(regions of all images, D, s, s) from the input of `Detector`, by level."""
        regions = self.align(features, boxes, image_shapes)
        stack = regions.unflatten(1, (features["exists"].shape[1], -1))
        middle = stack.shape[1] // 2
        if not len(regions):
            # Instance norm refuses an empty batch. For training on several GPUs every weight must take part.
            return stack[:, middle] + 0 * sum(weight.sum() for weight in self.attention.parameters())
        exists = [
            of_image.expand(len(own), -1)
            for of_image, own in zip(features["exists"][..., 0, 0] > 0, boxes, strict=True)
        ]
        return self.attention(stack, Neighbourhood(range(middle, middle + 1), torch.cat(exists)))[:, 0]

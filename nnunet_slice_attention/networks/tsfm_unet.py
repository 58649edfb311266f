"""TSFMUNet (Guo & Terzopoulos, ICPR 2020), an adaptation to nnU-Net from its abstract and poster.

Shared encoder -> transformer layers over the slices at the bottleneck -> decoder with each slice's own skips.

Deviations and interpretations (the full paper was not available to us, and code is not public):
- Attention is at the bottleneck. It is global, one weight per pair of slices, following the poster's "weighted sum of
  its feature map and those of its neighbouring slices"; queries and keys are pooled as in CAT-Net, the same group's
  later network. `mode="local"` has one weight per location instead.
- Slice positions are relative to the query slice, not to the first slice of the stack, so any depth works. They count
  slices. With `millimetres` they are distances, so that a network trained on mixed slice spacings can distinguish 2 mm
  from 6 mm: a reading of the abstract's "adaptable to different levels of anisotropy".
- The context radius is split over the layers: two layers of radius 1 see two slices on each side.
- Slices outside the volume are masked. Pre-norm layers with group norm per slice.
"""

import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from ..attention.neighbours import Neighbourhood
from ..attention.slice_transformer import Mode, SliceTransformerLayer
from .side_channel import side_values
from .slab_network import SlabNetwork
from .topology import UNetTopology


class TSFMUNet(SlabNetwork):
    """TSFMUNet on slabs.

    Args:
        in_channels, num_classes, topology, deep_supervision, repeat_centre, zero_start: see `SlabNetwork`.
        patch_size: (H, W) in voxels; checked to be large enough to pool.
        base_options: further arguments of `SlabNetwork`: `learning`, `has_background`, `copies_learn`.
        context_radius: neighbours on each side.
        identity: omit the transformer.
        num_heads: heads of each layer; must divide the width of the bottleneck.
        num_layers: transformer layers, at most `context_radius`, since a layer of radius 0 would attend to nothing;
            default 2, or 1 where the radius is 1.
        mode: "global" or "local", see `SliceTransformerLayer`.
        millimetres: slice positions are distances: an offset is multiplied by its volume's slice spacing, in units of a
            reference spacing, from the side channel. Without that channel the spacing is taken for 1.

    Raises:
        ValueError: `num_layers` out of range, unknown `mode`, or heads that do not divide the width.
    """

    default_context_radius = 2

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        topology: UNetTopology,
        patch_size: Sequence[int],
        deep_supervision: bool = False,
        context_radius: int = 2,
        identity: bool = False,
        num_heads: int = 4,
        num_layers: int | None = None,
        mode: Mode = "global",
        millimetres: bool = False,
        repeat_centre: bool = False,
        zero_start: bool = False,
        **base_options: Any,
    ):
        topology.check_patch(patch_size)
        radius = 0 if identity else context_radius
        if num_layers is not None and not 1 <= num_layers <= max(1, radius):
            raise ValueError(
                f"num_layers={num_layers} must be between 1 and the context radius, which is {radius}; identity=True "
                "omits the transformer."
            )
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
        self.side_channel = "the slice spacing of its volume" if millimetres else None
        self.transformer = nn.ModuleList(
            SliceTransformerLayer(topology.features[-1], num_heads, r, mode, zero_start)
            for r in split_radius(radius, num_layers or 2)
        )

    def fuse(self, skips: list[Tensor], around: Neighbourhood) -> list[Tensor]:
        *fine, deepest = skips
        for layer in self.transformer:
            deepest = layer(deepest, around)
        return super().fuse([*fine, deepest], around)

    def slice_distance(self, stack: Tensor) -> Tensor | None:
        return side_values(stack).amax(dim=1) if self.side_channel else None

    def assumed_side_channel(self, valid: Tensor) -> Tensor:
        """The reference spacing for all slices; a prediction gets a warning."""
        if not (self.training or torch.compiler.is_exporting()):
            _warn_of_the_assumed_spacing()
        return torch.ones_like(valid, dtype=torch.float32)


@torch.compiler.disable
@cache
def _warn_of_the_assumed_spacing() -> None:
    """Once per process: nnU-Net's prediction calls the network on window after window."""
    warnings.warn(
        "the network distinguishes slice spacings (_Millimetres), but nnUNetv2_predict cannot tell it a volume's: each "
        "counts as one with the median slice spacing of the training data. Predict with `nnunet-slice-attention "
        "predict`, which reads the spacing of each image. In Python, append to a stack of images one more channel: the "
        "volume's slice spacing divided by that median.",
        stacklevel=2,
    )


def split_radius(radius: int, num_layers: int) -> list[int]:
    """Radii per layer, with sum `radius`: split_radius(3, 2) is [2, 1], split_radius(1, 2) is [1]."""
    n = min(radius, num_layers)
    return [radius // n + (k < radius % n) for k in range(n)]

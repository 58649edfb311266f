"""Base of all networks of this package: a 2D encoder and decoder for the slices of a stack.

Each slice is encoded once. A network overrides `fuse`, which mixes the features of neighbouring slices before the
decoder, or `finish`, which does so after it.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from ..attention.neighbours import Neighbourhood, between_copies
from ..attention.slicewise import Slices, depth, map_each, slicewise, slicewise_centre_grad
from .missing_slices import fill_missing
from .padding import check_pools, pad, unpad
from .slab_context import SlabContext
from .slab_learning import EVERY_SLICE, SlabLearning
from .slab_views import Logits
from .slice_position import SlicePosition
from .topology import UNetTopology
from .two_d_weights import zero_image_neighbours


class SlabNetwork(SlabContext):
    """2D U-Net over the slices of a stack.

    Args:
        in_channels: image channels C of one slice.
        num_classes: output channels K.
        topology: the U-Net to build.
        deep_supervision: return a list of logits, finest first.
        context_radius, slices_per_image, repeat_centre: see `SlabContext`.
        copies_learn: with `repeat_centre`, let the copies carry a gradient even if the context carries none.
        position: features depend on where their slice is in its volume, see `SlicePosition`. The side channel contains
            it; a slab without that channel, (B, C, S, H, W), is taken for a whole volume.
        zero_start: what a network adds to the planned 2D network starts at zero, so that its logits are that network's.
        learning: how it learns from slabs.
        has_background: channel 0 of the logits is background; False if regions are trained.

    Attributes:
        side_channel: what the extra input channel contains, for messages; None without one.
        head_strides: (vertical, horizontal) downsampling of each of the decoder's heads, finest first.
        always_starts_as_2d: it starts as the planned 2D network without the option `zero_start`.
        plain_unet_options: options with which encoder and decoder are the planned ones.
        two_d_modules: modules that the planned 2D network has too.
        normalises_in_plane: its norms take their statistics over a feature map, so that a single pixel has none.
    """

    always_starts_as_2d: bool = False
    plain_unet_options: Mapping[str, Any] = MappingProxyType({})
    two_d_modules: tuple[str, ...] = ("encoder", "decoder")
    normalises_in_plane: bool = True

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        topology: UNetTopology,
        deep_supervision: bool = False,
        context_radius: int = 0,
        slices_per_image: int = 1,
        repeat_centre: bool = False,
        zero_start: bool = False,
        learning: SlabLearning = EVERY_SLICE,
        has_background: bool = True,
        copies_learn: bool = False,
        position: bool = False,
    ):
        super().__init__(context_radius, slices_per_image, repeat_centre)
        self.in_channels = in_channels
        *self.head_strides, self.total_stride = topology.total_strides
        self.encoder, self.decoder = topology.build(
            slices_per_image * in_channels, num_classes, deep_supervision
        )
        self.slice_position = SlicePosition(topology.features) if position else None
        self.side_channel = "its position in its volume" if position else None
        if zero_start:
            zero_image_neighbours(self)
        self.learning, self.has_background, self.copies_learn = learning, has_background, copies_learn

    def name_in_2d(self, weight: str) -> str:
        """Name in nnU-Net's own 2D network of a weight of `two_d_modules`."""
        return weight

    def fuse(self, skips: list[Tensor], around: Neighbourhood) -> list[Tensor]:
        """Mix the features of each centre slice with its neighbours'.

        Args:
            skips: encoder features, one (B, S, C_l, h_l, w_l) per stage, finest first.
            around: the T slices to segment, and which others exist.

        Returns:
            decoder inputs, one (B, T, C_l, h_l, w_l) per stage; (B, S, ...) for a network that overrides `finish`.
        """
        return [around.centre(skip) for skip in skips]

    def finish(self, decoded: Logits, around: Neighbourhood) -> Logits:
        """Decoder output (B, T or S, K, h, w) -> logits (B, T, K, h, w); lists with deep supervision."""
        return decoded

    def segment(self, stack: Tensor, centres: range, valid: Tensor | None = None) -> Logits:
        """Logits (B, T, K, H, W) of T adjacent slices of a stack (B, S, C, H, W); lists with deep supervision."""
        if (
            self.normalises_in_plane and not torch.compiler.is_compiling()
        ):  # nor exporting: sizes may be symbolic
            step = "Pad it to more than that on one axis, or plan the network for smaller patches."
            check_pools(stack.shape[-2:], self.total_stride, "an image of ", step)
        valid = self.valid_slices(stack, valid)
        stack = self.with_side_channel(stack, valid)
        reach = 0 if self.two_dimensional else self.fusion_radius
        encoded = range(max(0, centres.start - reach), min(stack.shape[1], centres.stop + reach))
        around = Neighbourhood(
            range(centres.start - encoded.start, centres.stop - encoded.start),
            valid[:, encoded.start : encoded.stop],
            self.repeat_centre,
            context_grad=not (reach and self._grad_in_centre_only),
            distance=self.slice_distance(stack),
        )
        skips = self.encode(stack, valid, encoded)
        if (
            self._grad_in_centre_only
            and self.copied_radius > 0
            and not (self.copies_learn or self.two_dimensional)
        ):
            skips, around = between_copies(skips, around, self.copied_radius)
        return self.decode(skips, around, stack.shape[-2:])

    def encode(self, stack: Tensor, valid: Tensor, slices: range) -> list[Tensor]:
        """Features of some slices of a stack.

        Args:
            stack: what `with_side_channel` returns.
            valid: (B, S), see `valid_slices`.
            slices: T adjacent ones; neighbours within `image_radius`, where they exist, must be in the stack.

        Returns:
            (B, T, C_l, h_l, w_l) per stage, finest first, padded in plane to a multiple of the encoder's stride.
        """
        around = Neighbourhood(slices, valid, self.repeat_centre)
        radius = self.slices_per_image // 2
        content = stack[:, :, : self.in_channels]
        images = torch.cat(
            [self._image_slices(content, around, offset) for offset in range(-radius, radius + 1)], dim=2
        )
        skips = self._run(self.encoder, pad(images, self.total_stride))
        return self.slice_position(skips, around.centre(stack)) if self.slice_position else skips

    def decode(self, skips: list[Tensor], around: Neighbourhood, size: Sequence[int]) -> Logits:
        """Logits of the centres from the features of all slices within `fusion_radius` of them.

        Args:
            skips: what `encode` returns for S slices.
            around: the T slices to segment, and which of the S exist.
            size: (H, W) of the slices.

        Returns:
            (B, T, K, H, W); with deep supervision a list of them, finest first.
        """
        fused = SlabNetwork.fuse(self, skips, around) if self.two_dimensional else self.fuse(skips, around)
        decoded = self._run(self.decoder, fused)
        padded = skips[0].shape[-2:]
        return map_each(
            lambda t: fill_missing(unpad(t, padded, size), around, self.has_background),
            self.finish(decoded, around),
        )

    def _image_slices(self, stack: Tensor, around: Neighbourhood, offset: int) -> Tensor:
        """The slices at `offset` as channels of the encoder's input; zeros in 2D mode."""
        if offset and self.two_dimensional:
            return torch.zeros_like(around.centre(stack))
        return around.neighbour_or_centre(stack, offset)

    @property
    def _grad_in_centre_only(self) -> bool:
        return self.training and self.learning.centre_only and not self.learning.context_grad

    def _run(self, network: nn.Module, slices: Slices) -> Slices:
        """Encoder or decoder on (B, S, C, h, w) or a list of them, one per stage."""
        # With a single slice there is no context.
        return (slicewise_centre_grad if self._grad_in_centre_only and depth(slices) > 1 else slicewise)(
            network, slices
        )

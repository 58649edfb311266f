"""Base of all networks of this package: a 2D encoder and decoder for the slices of a stack.

Each slice is encoded once. A network overrides `fuse`, which mixes the features of neighbouring slices before the
decoder, or `finish`, which does so after it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from ..attention.neighbours import Neighbourhood, between_copies
from ..attention.slicewise import Slices, depth, map_each, slicewise, slicewise_centre_grad
from .missing_slices import fill_missing
from .padding import pad, unpad
from .slab_learning import EVERY_SLICE, SlabLearning
from .slab_views import Logits, SlabViews
from .slice_position import SlicePosition
from .topology import UNetTopology
from .two_d_weights import zero_image_neighbours


class SlabNetwork(SlabViews):
    """2D U-Net over the slices of a stack.

    Args:
        in_channels: image channels C of one slice.
        num_classes: output channels K.
        topology: the U-Net to build.
        deep_supervision: return a list of logits, finest first.
        context_radius: R, see below.
        slices_per_image: neighbouring slices that enter the encoder as channels of one image; odd.
        repeat_centre: control: same weights, but each neighbour is replaced by the centre slice. If context carries no
            gradient in training, its copies carry none either.
        copies_learn: let the copies carry a gradient all the same.
        position: features depend on where their slice is in its volume, see `SlicePosition`. The side channel contains
            it; a slab without that channel, (B, C, S, H, W), is taken for a whole volume.
        zero_start: what a network adds to the planned 2D network starts at zero, so that its logits are that network's.
        learning: how it learns from slabs.
        has_background: channel 0 of the logits is background; False if regions are trained.

    Attributes:
        two_dimensional: see `set_two_dimensional`.
        side_channel: what the extra input channel contains, for messages; None without one.
        context_radius: R; the output at slice i depends on slices i-R..i+R and on no other.
        fusion_radius: the part of R covered by mixing encoded slices; the rest enters as channels of the images.
        head_strides: (vertical, horizontal) downsampling of each of the decoder's heads, finest first.
        sees_neighbours: False if no option makes an output depend on other slices.
        always_starts_as_2d: it starts as the planned 2D network without the option `zero_start`.
        plain_unet_options: options with which encoder and decoder are the planned ones.
        two_d_modules: modules that the planned 2D network has too.
    """

    default_context_radius: int = 1
    sees_neighbours: bool = True
    always_starts_as_2d: bool = False
    plain_unet_options: Mapping[str, Any] = MappingProxyType({})
    two_d_modules: tuple[str, ...] = ("encoder", "decoder")

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
        super().__init__()
        if context_radius < 0:
            raise ValueError(f"context_radius={context_radius} must be 0 or more.")
        if slices_per_image < 1 or slices_per_image % 2 == 0:
            raise ValueError(f"slices_per_image={slices_per_image} must be odd: a slice and its neighbours.")
        self.in_channels = in_channels
        self.slices_per_image = slices_per_image
        self.repeat_centre, self._planned_radius = repeat_centre, context_radius
        *self.head_strides, self.total_stride = topology.total_strides
        self.encoder, self.decoder = topology.build(
            slices_per_image * in_channels, num_classes, deep_supervision
        )
        self.slice_position = SlicePosition(topology.features) if position else None
        self.side_channel = "its position in its volume" if position else None
        if zero_start:
            zero_image_neighbours(self)
        self.learning, self.has_background, self.copies_learn = learning, has_background, copies_learn

    @classmethod
    def slab_radius(cls, context_radius: int | None = None, **options) -> int:
        """Neighbours on each side that a training slab needs, from a network's options.

        An ablation that ignores its neighbours gets the same slabs.
        """
        return cls.default_context_radius if context_radius is None else context_radius

    @property
    def context_radius(self) -> int:
        return 0 if self.repeat_centre else self._planned_radius

    @property
    def image_radius(self) -> int:
        """Neighbours on each side that enter as channels of an image; 0 where copies of the slice take their place."""
        return 0 if self.repeat_centre else self.slices_per_image // 2

    @property
    def fusion_radius(self) -> int:
        return self.context_radius - self.image_radius

    @property
    def copied_radius(self) -> int:
        """The fusion radius of the network of which this one is the control; 0 for the others."""
        return self._planned_radius - self.slices_per_image // 2 if self.repeat_centre else 0

    @contextmanager
    def repeating_centre(self) -> Iterator[None]:
        """Context in which each neighbour is replaced by the centre slice, as with `repeat_centre`."""
        before, self.repeat_centre = self.repeat_centre, True
        try:
            yield
        finally:
            self.repeat_centre = before

    def set_two_dimensional(self, on: bool) -> None:
        """Whether to segment each slice alone, as the planned 2D network does, which `zero_start` starts as.

        The channel view then takes one slice.
        """
        self.two_dimensional = on

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

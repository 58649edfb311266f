"""Base of all networks of this package: the slab view, the channel view, and a 2D encoder and decoder.

    slab view     x (B, C, S, H, W)   -> logits (B, K, S, H, W)
    channel view  x (B, n*C, H, W)    -> logits (B, K, H, W)     n = 2R+1 slices, slice-major

Each slice is encoded once. A network overrides `fuse`, which mixes the features of neighbouring slices before the
decoder, or `finish`, which does so after it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn

from ..attention.neighbours import Neighbourhood
from ..attention.slicewise import Slices, depth, map_each, slicewise, slicewise_centre_grad
from .missing_slices import fill_missing
from .padding import pad, unpad
from .side_channel import append_side_channel
from .slab_learning import EVERY_SLICE, SlabLearning
from .slice_position import SlicePosition, relative_positions
from .topology import UNetTopology
from .two_d_weights import zero_image_neighbours
from .whole_volume import segment_volume

Logits = Tensor | list[Tensor]


class SlabNetwork(nn.Module):
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
        position: features depend on where their slice is in its volume, see `SlicePosition`. The side channel tells it;
            the slab view may be without it, (B, C, S, H, W), and is then taken for a whole volume.
        zero_start: what a network adds to the planned 2D network starts at zero, so that its logits are that network's.
        learning: how it learns from slabs.
        has_background: channel 0 of the logits is background; False if regions are trained.

    Attributes:
        two_dimensional: see `set_two_dimensional`.
        side_channel: what one more channel of each slice, the last, tells about it; None if there is none.
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
        self._set_reach(repeat_centre, context_radius)
        *self.head_strides, self.total_stride = topology.total_strides
        self.encoder, self.decoder = topology.build(
            slices_per_image * in_channels, num_classes, deep_supervision
        )
        self.slice_position = SlicePosition(topology.features) if position else None
        self.side_channel = "its position in its volume" if position else None
        if zero_start:
            zero_image_neighbours(self)
        self.learning, self.has_background, self.copies_learn = learning, has_background, copies_learn
        self.two_dimensional = self.decodes_as_in_training = False

    @classmethod
    def slab_radius(cls, context_radius: int | None = None, **options) -> int:
        """Neighbours on each side that a training slab needs, from a network's options.

        An ablation that ignores its neighbours gets the same slabs.
        """
        return cls.default_context_radius if context_radius is None else context_radius

    def _set_reach(self, repeat_centre: bool, context_radius: int) -> None:
        """All radii are 0 with `repeat_centre`: the only slice used is the centre."""
        self.repeat_centre = repeat_centre
        self.context_radius = 0 if repeat_centre else context_radius
        self.image_radius = 0 if repeat_centre else self.slices_per_image // 2
        self.fusion_radius = self.context_radius - self.image_radius
        self.copied_radius = context_radius - self.slices_per_image // 2 if repeat_centre else 0

    @contextmanager
    def repeating_centre(self) -> Iterator[None]:
        """Context in which each neighbour is replaced by the centre slice, as with `repeat_centre`."""
        names = ("repeat_centre", "context_radius", "image_radius", "fusion_radius", "copied_radius")
        before = {name: getattr(self, name) for name in names}
        self._set_reach(True, self.context_radius)
        try:
            yield
        finally:
            vars(self).update(before)

    def set_two_dimensional(self, on: bool) -> None:
        """Whether to segment each slice alone, as the planned 2D network does, which `zero_start` starts as.

        The channel view then takes one slice.
        """
        self.two_dimensional = on

    def decode_as_in_training(self, on: bool) -> None:
        """Whether evaluation decodes only the slices that training decodes, for nnU-Net's online validation."""
        self.decodes_as_in_training = on

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

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Logits:
        """Logits of a slab (5D input) or of a centre slice with its neighbours as channels (4D input).

        Args:
            x: (B, C, S, H, W) or (B, (2R+1)*C, H, W), with a side channel (B, C+1, S, H, W) or
                (B, (2R+1)*(C+1), H, W). With `position` (B, C, S, H, W) is a whole volume, which evaluation segments in
                chunks, see `segment_volume`.
            valid: (B, S) or (B, 2R+1) bool, False where a slice does not exist. All-zero slices, with which nnU-Net
                pads shallow volumes, also count as missing.

        Returns:
            (B, K, S, H, W) or (B, K, H, W); with deep supervision a list of them, finest first. A missing slice is
            background and carries no gradient.
        """
        if x.ndim == 4:
            n_slices = self._channel_view_slices(x)
            stack = rearrange(x, "b (s c) h w -> b s c h w", s=n_slices)
            centre = range(n_slices // 2, n_slices // 2 + 1)
            return map_each(lambda t: t[:, 0], self.segment(stack, centre, valid))
        if x.ndim != 5:
            raise ValueError(f"expected (B, C, S, H, W) or (B, n*C, H, W), got shape {tuple(x.shape)}.")
        n_slices = x.shape[2]
        middle = range(n_slices // 2, n_slices // 2 + 1)
        only_centre = self.learning.centre_only and (self.training or self.decodes_as_in_training)
        stack = rearrange(x, "b c s h w -> b s c h w")
        whole = self.slice_position is not None and x.shape[1] == self.in_channels
        if whole and not (self.training or only_centre or torch.compiler.is_exporting()):
            logits = segment_volume(self, stack, valid)
        else:
            logits = self.segment(stack, middle if only_centre else range(n_slices), valid)
        return map_each(lambda t: rearrange(t, "b t k h w -> b k t h w"), logits)

    def _channel_view_slices(self, x: Tensor) -> int:
        n = 1 if self.two_dimensional else 2 * self.context_radius + 1
        channels = self.in_channels + (self.side_channel is not None)
        may_lack_it = self.slice_position is None  # a slice with its neighbours does not show where it is
        if x.shape[1] != n * channels and not (may_lack_it and x.shape[1] == n * self.in_channels):
            raise ValueError(
                f"the channel view takes {n} slices x {channels} channels = {n * channels} channels, "
                f"got {x.shape[1]}. Stack the neighbouring slices slice-major, or pass a slab (B, C, S, H, W)."
            )
        return n

    def segment(self, stack: Tensor, centres: range, valid: Tensor | None = None) -> Logits:
        """Logits (B, T, K, H, W) of T adjacent slices of a stack (B, S, C, H, W); lists with deep supervision."""
        valid = self.valid_slices(stack, valid)
        stack = self.with_side_channel(stack, valid)
        distance = self.slice_distance(stack)
        if self.fusion_radius and not self.two_dimensional:
            encoded, context_grad = range(stack.shape[1]), not self._grad_in_centre_only
            around = Neighbourhood(centres, valid, self.repeat_centre, context_grad, distance)
        else:
            encoded, alone = centres, range(len(centres))
            centre_valid = valid[:, centres.start : centres.stop]
            around = Neighbourhood(alone, centre_valid, self.repeat_centre, distance=distance)
        skips = self.encode(stack, valid, encoded)
        if (
            self._grad_in_centre_only
            and self.copied_radius > 0
            and not (self.copies_learn or self.two_dimensional)
        ):
            skips, around = self._between_copies(skips, around)
        return self.decode(skips, around, stack.shape[-2:])

    def _between_copies(
        self, skips: list[Tensor], around: Neighbourhood
    ) -> tuple[list[Tensor], Neighbourhood]:
        """The centre slice between copies of itself without a gradient, like a slice in its context."""
        r = self.copied_radius
        skips = [torch.cat([*[skip.detach()] * r, skip, *[skip.detach()] * r], dim=1) for skip in skips]
        valid = around.valid.new_ones(len(around.valid), 2 * r + 1)
        valid[:, r : r + 1] = around.valid
        return skips, Neighbourhood(range(r, r + 1), valid, context_grad=False, distance=around.distance)

    def valid_slices(self, stack: Tensor, valid: Tensor | None = None) -> Tensor:
        """Slices of a stack (B, S, C, H, W) that are in `valid` and not all zero: (B, S) bool."""
        is_image = (stack[:, :, : self.in_channels] != 0).any(dim=4).any(dim=3).any(dim=2)
        return is_image if valid is None else valid & is_image

    def with_side_channel(self, stack: Tensor, valid: Tensor) -> Tensor:
        """A stack (B, S, C, H, W) with the side channel, if the network has one, appended unless it is there.

        Args:
            valid: (B, S), the slices that exist.

        Raises:
            ValueError: the stack has another number of channels.
        """
        if stack.shape[2] == self.in_channels + (self.side_channel is not None):
            return stack
        if stack.shape[2] != self.in_channels:
            more = f", or one more with {self.side_channel}" if self.side_channel else ""
            raise ValueError(f"a slice has {self.in_channels} channels{more}, got {stack.shape[2]}.")
        return append_side_channel(stack, self.assumed_side_channel(valid))

    def assumed_side_channel(self, valid: Tensor) -> Tensor:
        """(B, S): the side channel of a stack that lacks it, given which slices exist; a whole volume's positions."""
        return relative_positions(valid)

    def slice_distance(self, stack: Tensor) -> Tensor | None:
        """`Neighbourhood.distance` of a stack with its side channel; None if the network does not know it."""
        return None

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

"""What every network of this package shares: the slab view, the channel view, and a 2D encoder and decoder.

    slab view     x (B, C, S, H, W)   -> logits (B, K, S, H, W)
    channel view  x (B, n*C, H, W)    -> logits (B, K, H, W)     n = 2R+1 slices, slice-major

Each slice is encoded once. A network overrides `fuse`, which lets the features of a slice see its neighbours' before
the decoder, or `finish`, which does so behind it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from ..attention.neighbours import Neighbourhood, unsqueeze_like
from ..attention.slicewise import Slices, depth, map_each, slicewise, slicewise_centre_grad
from .topology import UNetTopology
from .two_d_weights import zero_image_neighbours

Logits = Tensor | list[Tensor]


@dataclass(frozen=True)
class SlabLearning:
    """What of a training slab is decoded, and what carries a gradient.

    Attributes:
        centre_only: only the middle slice is decoded.
        context_grad: gradients pass through the other slices' features. False needs `centre_only`.
    """

    centre_only: bool = False
    context_grad: bool = True


EVERY_SLICE = SlabLearning()


CERTAIN = 10.0  # logit of a class that a missing slice has, minus that of one it has not


class SlabNetwork(nn.Module):
    """2D U-Net over the slices of a stack.

    Args:
        in_channels: image channels C of one slice.
        num_classes: segmentation heads K.
        topology: the U-Net to build.
        deep_supervision: return a list of logits, finest first.
        context_radius: R, see below.
        slices_per_image: neighbouring slices that enter the encoder as channels of one image; odd.
        repeat_centre: a control: same weights, but each neighbour is replaced by the centre slice.
        zero_start: what a network adds to the plan's 2D network is zero at the start: its logits are that network's.
        learning: how it learns from slabs.
        has_background: channel 0 of the logits is the background; False where regions are trained.

    Attributes:
        two_dimensional: see `set_two_dimensional`.
        context_radius: R; the output at slice i depends on slices i-R..i+R and on no other.
        fusion_radius: what of that the features of encoded slices reach; the rest enters as channels of the images.
        head_strides: (vertical, horizontal) downsampling of each of the decoder's heads, finest first.
    """

    default_context_radius: int = 1
    always_starts_as_2d: bool = (
        False  # True: it needs no option `zero_start` to be the plan's 2D network at first
    )
    plain_unet_options: Mapping[str, Any] = MappingProxyType(
        {}
    )  # options with which encoder and decoder are the plan's own
    two_d_modules: tuple[str, ...] = ("encoder", "decoder")  # modules that the plan's 2D network has

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
    ):
        super().__init__()
        if context_radius < 0:
            raise ValueError(f"context_radius={context_radius} must be 0 or more slices.")
        if slices_per_image < 1 or slices_per_image % 2 == 0:
            raise ValueError(f"slices_per_image={slices_per_image} must be odd: a slice and its neighbours.")
        self.in_channels = in_channels
        self.slices_per_image = slices_per_image
        self._set_reach(repeat_centre, context_radius)
        *self.head_strides, self.total_stride = topology.total_strides
        self.encoder, self.decoder = topology.build(
            slices_per_image * in_channels, num_classes, deep_supervision
        )
        if zero_start:
            zero_image_neighbours(self)
        self.learning, self.has_background = learning, has_background
        self.two_dimensional = self.decodes_as_in_training = False

    @classmethod
    def slab_radius(cls, context_radius: int | None = None, **options) -> int:
        """Neighbours on each side that a training slab must offer, from a network's options.

        An ablation that ignores its neighbours still gets the same slabs.
        """
        return cls.default_context_radius if context_radius is None else context_radius

    def _set_reach(self, repeat_centre: bool, context_radius: int) -> None:
        """`repeat_centre` leaves none: what stands in for a neighbour is the slice itself."""
        self.repeat_centre = repeat_centre
        self.context_radius = 0 if repeat_centre else context_radius
        self.image_radius = 0 if repeat_centre else self.slices_per_image // 2
        self.fusion_radius = self.context_radius - self.image_radius

    @contextmanager
    def repeating_centre(self) -> Iterator[None]:
        """While it lasts each neighbour is replaced by the centre slice: the control `repeat_centre`, for a test."""
        before = self.repeat_centre, self.context_radius
        self._set_reach(True, self.context_radius)
        try:
            yield
        finally:
            self._set_reach(*before)

    def set_two_dimensional(self, alone: bool) -> None:
        """Segment each slice alone from now on, as the plan's 2D network does, what `zero_start` begins as; or not.

        The channel view of slices that are alone is that of one slice.
        """
        self.two_dimensional = alone

    def decode_as_in_training(self, on: bool) -> None:
        """Whether evaluation too decodes only what training decodes of a slab, as validation between epochs wants."""
        self.decodes_as_in_training = on

    def name_in_2d(self, weight: str) -> str:
        """What nnU-Net's own 2D network calls a weight of this network's `two_d_modules`."""
        return weight

    def fuse(self, skips: list[Tensor], around: Neighbourhood) -> list[Tensor]:
        """Let each centre slice see its neighbours.

        Args:
            skips: encoder features, one (B, S, C_l, h_l, w_l) a stage, finest first.
            around: the T slices to segment, and which others exist.

        Returns:
            decoder inputs, one (B, T, C_l, h_l, w_l) a stage; (B, S, ...) for a network that overrides `finish`.
        """
        return [around.centre(skip) for skip in skips]

    def finish(self, decoded: Logits, around: Neighbourhood) -> Logits:
        """What the decoder made, (B, T or S, K, h, w), to logits (B, T, K, h, w); a list with deep supervision."""
        return decoded

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Logits:
        """Logits of a slab (5D input) or of a centre slice given as channels (4D input).

        Args:
            x: (B, C, S, H, W) or (B, (2R+1)*C, H, W).
            valid: (B, S) or (B, 2R+1) bool, False where a slice does not exist. A slice whose every voxel is
                exactly 0 is what nnU-Net pads a shallow volume with, and counts as missing too.

        Returns:
            (B, K, S, H, W) or (B, K, H, W); with deep supervision a list of them, finest first. A slice that does
            not exist is background, and passes no gradient.
        """
        if x.ndim == 4:
            n_slices = self._channel_view_slices(x)
            stack = rearrange(x, "b (s c) h w -> b s c h w", s=n_slices)
            centre = range(n_slices // 2, n_slices // 2 + 1)
            return map_each(lambda t: t[:, 0], self._segment(stack, centre, valid))
        if x.ndim != 5:
            raise ValueError(f"expected (B, C, S, H, W) or (B, n*C, H, W), got shape {tuple(x.shape)}.")
        n_slices = x.shape[2]
        middle = range(n_slices // 2, n_slices // 2 + 1)
        only_centre = self.learning.centre_only and (self.training or self.decodes_as_in_training)
        stack = rearrange(x, "b c s h w -> b s c h w")
        logits = self._segment(stack, middle if only_centre else range(n_slices), valid)
        return map_each(lambda t: rearrange(t, "b t k h w -> b k t h w"), logits)

    def _channel_view_slices(self, x: Tensor) -> int:
        n = 1 if self.two_dimensional else 2 * self.context_radius + 1
        if x.shape[1] != n * self.in_channels:
            raise ValueError(
                f"the channel view takes {n} slices x {self.in_channels} channels = {n * self.in_channels} channels, "
                f"got {x.shape[1]}. Stack the neighbouring slices slice-major, or pass a slab (B, C, S, H, W)."
            )
        return n

    def _segment(self, stack: Tensor, centres: range, valid: Tensor | None) -> Logits:
        """(B, S, C, H, W) -> (B, T, K, H, W)."""
        valid = self.valid_slices(stack, valid)
        if self.fusion_radius and not self.two_dimensional:
            encoded = range(stack.shape[1])
            around = Neighbourhood(centres, valid, self.repeat_centre, not self._grad_in_centre_only)
        else:
            centre_valid = valid[:, centres.start : centres.stop]
            encoded, around = centres, Neighbourhood(range(len(centres)), centre_valid, self.repeat_centre)
        return self.decode(self.encode(stack, valid, encoded), around, stack.shape[-2:])

    @staticmethod
    def valid_slices(stack: Tensor, valid: Tensor | None = None) -> Tensor:
        """Which slices of a stack (B, S, C, H, W) are image: (B, S) bool, within `valid`."""
        is_image = (stack != 0).any(dim=4).any(dim=3).any(dim=2)
        return is_image if valid is None else valid & is_image

    def encode(self, stack: Tensor, valid: Tensor, slices: range) -> list[Tensor]:
        """Features of some slices of a stack.

        Args:
            stack: (B, S, C, H, W).
            valid: (B, S), see `valid_slices`.
            slices: T adjacent ones; their image neighbours, `image_radius` on each side, must be in the stack.

        Returns:
            (B, T, C_l, h_l, w_l) a stage, finest first, in plane padded to a multiple of the encoder's stride.
        """
        around = Neighbourhood(slices, valid, self.repeat_centre)
        radius = self.slices_per_image // 2
        images = torch.cat(
            [self._image_slices(stack, around, offset) for offset in range(-radius, radius + 1)], dim=2
        )
        return self._run(self.encoder, self._padded(images))

    def decode(self, skips: list[Tensor], around: Neighbourhood, size: Sequence[int]) -> Logits:
        """Logits of the centres from the features of all slices within `fusion_radius` of them.

        Args:
            skips: what `encode` returns, of S slices.
            around: the T slices to segment, and which of the S exist.
            size: (H, W) of the slices.

        Returns:
            (B, T, K, H, W); with deep supervision a list of them, finest first.
        """
        fused = SlabNetwork.fuse(self, skips, around) if self.two_dimensional else self.fuse(skips, around)
        decoded = self._run(self.decoder, fused)
        padded = skips[0].shape[-2:]

        def unpad(t: Tensor) -> Tensor:
            scales = [p // s for p, s in zip(padded, t.shape[-2:], strict=True)]
            # As nnU-Net rounds the sizes of its targets; the finest head's may be symbols of an export.
            height, width = (
                n if s == 1 else max(1, round(n * (1 / s))) for n, s in zip(size, scales, strict=True)
            )
            return t[..., :height, :width]

        return map_each(lambda t: self._fill_missing(unpad(t), around), self.finish(decoded, around))

    def _image_slices(self, stack: Tensor, around: Neighbourhood, offset: int) -> Tensor:
        """What enters the encoder beside the centre slice as further channels: nothing where slices are alone."""
        if offset and self.two_dimensional:
            return torch.zeros_like(around.centre(stack))
        return around.neighbour_or_centre(stack, offset)

    @property
    def _grad_in_centre_only(self) -> bool:
        return self.training and self.learning.centre_only and not self.learning.context_grad

    def _run(self, network: nn.Module, slices: Slices) -> Slices:
        """Encoder or decoder on (B, S, C, h, w) or a list of them, one a stage."""
        # Where the centre alone is encoded or decoded there is no context.
        return (slicewise_centre_grad if self._grad_in_centre_only and depth(slices) > 1 else slicewise)(
            network, slices
        )

    def _fill_missing(self, logits: Tensor, around: Neighbourhood) -> Tensor:
        """(B, T, K, h, w) with background where a slice is missing.

        Norms divide the constant features of an empty slice by almost 0: in a loss their gradients overflow.
        """
        nothing = logits.new_full((logits.shape[2], 1, 1), -CERTAIN)
        if self.has_background:
            nothing[0] = CERTAIN
        return torch.where(unsqueeze_like(around.centre(around.valid), logits), logits, nothing)

    def _padded(self, x: Tensor) -> Tensor:
        """(..., H, W) zero-padded, as nnU-Net pads, to a multiple of the encoder's stride."""
        pad_y, pad_x = (-s % k for s, k in zip(x.shape[-2:], self.total_stride, strict=True))
        return F.pad(x, (0, pad_x, 0, pad_y)) if pad_y or pad_x else x

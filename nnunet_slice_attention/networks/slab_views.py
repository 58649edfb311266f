"""The two views of a network: a slab, and a slice with its neighbours as channels. Both call `segment`.

slab view     x (B, C, S, H, W)   -> logits (B, K, S, H, W)
channel view  x (B, n*C, H, W)    -> logits (B, K, H, W)     n = 2R+1 slices, slice-major
"""

import torch
from einops import rearrange
from torch import Tensor, nn

from ..attention.blank_slices import blank_slices
from ..attention.slicewise import map_each
from .side_channel import append_side_channel
from .slab_learning import EVERY_SLICE, SlabLearning
from .slice_position import SlicePosition, relative_positions
from .whole_volume import segment_volume

Logits = Tensor | list[Tensor]


class SlabViews(nn.Module):
    """Turns both kinds of input into a stack (B, S, C, H, W) and calls `segment`, which `SlabNetwork` defines.

    Attributes:
        in_channels: image channels C of one slice.
        context_radius: R; the output at slice i depends on slices i-R..i+R and on no other.
        side_channel: what the extra input channel contains, for messages; None without one.
        two_dimensional: each slice is segmented alone; the channel view then takes one slice.
        decodes_as_in_training: see `decode_as_in_training`.
        learning: how it learns from slabs.
    """

    context_radius: int
    in_channels: int
    side_channel: str | None = None
    slice_position: SlicePosition | None
    two_dimensional: bool = False
    decodes_as_in_training: bool = False
    learning: SlabLearning = EVERY_SLICE

    def segment(self, stack: Tensor, centres: range, valid: Tensor | None = None) -> Logits:
        """Logits (B, T, K, H, W) of T adjacent slices of a stack (B, S, C, H, W); lists with deep supervision."""
        raise NotImplementedError

    def decode_as_in_training(self, on: bool) -> None:
        """Whether evaluation decodes only the slices that training decodes, for nnU-Net's online validation."""
        self.decodes_as_in_training = on

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

    def valid_slices(self, stack: Tensor, valid: Tensor | None = None) -> Tensor:
        """Slices of a stack (B, S, C, H, W) that are in `valid` and not blank: (B, S) bool."""
        image = ~blank_slices(stack[:, :, : self.in_channels])
        return image if valid is None else valid & image

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

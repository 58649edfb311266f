"""What every network of this package shares: the slab view, the channel view, and a 2D encoder and decoder.

    slab view     x (B, C, S, H, W)   -> logits (B, K, S, H, W)
    channel view  x (B, n*C, H, W)    -> logits (B, K, H, W)     n = 2R+1 slices, slice-major

Each slice is encoded once. A network overrides `fuse`, which lets the features of a slice see its neighbours'.
"""

import math
from collections.abc import Sequence

from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from .topology import UNetTopology


class SlabNetwork(nn.Module):
    """2D U-Net over the slices of a stack.

    Args:
        in_channels: image channels C of one slice.
        num_classes: segmentation heads K.
        topology: the U-Net to build.
        deep_supervision: return a list of logits, finest first.

    Attributes:
        context_radius: R; the output at slice i depends on slices i-R..i+R and on no other.
        centre_only_in_training: in training mode decode only the middle slice of a slab.
    """

    context_radius: int = 0
    default_context_radius: int = 1

    def __init__(
        self, in_channels: int, num_classes: int, topology: UNetTopology, deep_supervision: bool = False
    ):
        super().__init__()
        self.in_channels = in_channels
        self.total_stride = topology.total_strides[-1]
        self.encoder, self.decoder = topology.build(in_channels, num_classes, deep_supervision)
        self.centre_only_in_training = False

    def fuse(self, skips: list[Tensor], centres: Sequence[int], valid: Tensor) -> list[Tensor]:
        """Let each centre slice see its neighbours.

        Args:
            skips: encoder features, one (B, S, C_l, h_l, w_l) a stage, finest first.
            centres: the T slices to segment.
            valid: (B, S) bool, False for slices that are padding.

        Returns:
            decoder inputs, one (B, T, C_l, h_l, w_l) a stage.
        """
        return [skip[:, list(centres)] for skip in skips]

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor | list[Tensor]:
        """Logits of a slab (5D input) or of a centre slice given as channels (4D input).

        Args:
            x: (B, C, S, H, W) or (B, (2R+1)*C, H, W).
            valid: (B, S) or (B, 2R+1) bool, False where a slice does not exist. A slice whose every voxel is
                exactly 0 is what nnU-Net pads a shallow volume with, and counts as missing too.

        Returns:
            (B, K, S, H, W) or (B, K, H, W); with deep supervision a list of them, finest first.
        """
        if x.ndim == 4:
            slab = rearrange(x, "b (s c) h w -> b c s h w", s=self._channel_view_slices(x))
            return _map(lambda t: t[:, :, 0], self._segment(slab, [self.context_radius], valid))
        if x.ndim != 5:
            raise ValueError(f"expected (B, C, S, H, W) or (B, n*C, H, W), got shape {tuple(x.shape)}.")
        n_slices = x.shape[2]
        only_centre = self.training and self.centre_only_in_training
        return self._segment(x, [n_slices // 2] if only_centre else range(n_slices), valid)

    def _channel_view_slices(self, x: Tensor) -> int:
        n = 2 * self.context_radius + 1
        if x.shape[1] != n * self.in_channels:
            raise ValueError(
                f"the channel view takes {n} slices x {self.in_channels} channels = {n * self.in_channels} channels, "
                f"got {x.shape[1]}. Stack the neighbouring slices slice-major, or pass a slab (B, C, S, H, W)."
            )
        return n

    def _segment(self, x: Tensor, centres: Sequence[int], valid: Tensor | None) -> Tensor | list[Tensor]:
        n_batch, _, n_slices, height, width = x.shape
        is_image = (x != 0).any(dim=4).any(dim=3).any(dim=1)  # B S
        valid = is_image if valid is None else valid & is_image

        slices = self._pad_in_plane(rearrange(x, "b c s h w -> (b s) c h w"))
        skips = [rearrange(f, "(b s) c h w -> b s c h w", s=n_slices) for f in self.encoder(slices)]
        fused = self.fuse(skips, centres, valid)
        logits = self.decoder([rearrange(f, "b t c h w -> (b t) c h w") for f in fused])

        def unpad(t: Tensor) -> Tensor:  # (B T) K h w -> B K T h w, without the in-plane padding
            scale_y, scale_x = slices.shape[-2] // t.shape[-2], slices.shape[-1] // t.shape[-1]
            t = t[..., : math.ceil(height / scale_y), : math.ceil(width / scale_x)]
            return rearrange(t, "(b t) k h w -> b k t h w", b=n_batch)

        return _map(unpad, logits)

    def _pad_in_plane(self, x: Tensor) -> Tensor:
        """(N, C, H, W) zero-padded, as nnU-Net pads, to a multiple of the encoder's stride."""
        pad_y, pad_x = (-s % k for s, k in zip(x.shape[-2:], self.total_stride, strict=True))
        return F.pad(x, (0, pad_x, 0, pad_y)) if pad_y or pad_x else x


def _map(fn, logits: Tensor | list[Tensor]) -> Tensor | list[Tensor]:
    return [fn(t) for t in logits] if isinstance(logits, (list, tuple)) else fn(logits)

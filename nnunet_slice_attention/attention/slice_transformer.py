"""Transformer layer over the slices of a stack, for TSFMUNet (Guo & Terzopoulos, ICPR 2020).

"The new feature map of each slice is a weighted sum of its feature map and those of its neighbouring slices":
global attention has one weight per pair of slices, from pooled queries and keys, and full-resolution values.
"""

from typing import Literal, get_args

import torch
from einops import rearrange, repeat
from torch import Tensor, nn
from torch.nn import functional as F

from .multi_head import check_heads
from .neighbours import Neighbourhood

Mode = Literal["global", "local"]
MODES = get_args(Mode)
POOLED = 4  # queries and keys of global attention are pooled to 4 x 4, as in CAT-Net


def sinusoidal_position(offsets: Tensor, dim: int, base: float = 10_000.0) -> Tensor:
    """PE(i, j) = sin(j / base^(i/dim)) for even i, cos(...) for odd i: (..., dim) for offsets j in slices, (...).

    The poster does not give `base`; this is that of Vaswani et al. 2017, which it cites.
    """
    channel = torch.arange(dim, device=offsets.device)
    angle = offsets[..., None] / base ** (channel / dim)
    return torch.where(channel % 2 == 0, angle.sin(), angle.cos())


def slice_weights(query: Tensor, key: Tensor, exists: Tensor) -> Tensor:
    """Weights of scaled dot-product attention of one query to a few slices: (B, heads, 1, n).

    PyTorch's fused GPU kernels need gigabytes of workspace for single queries with thousands of channels.

    Args:
        query: (B, heads, 1, d).
        key: (B, heads, n, d).
        exists: (B, 1, 1, n) bool, True for at least one slice.
    """
    scores = (query / query.shape[-1] ** 0.5) @ key.transpose(-1, -2)
    return scores.masked_fill(~exists, -torch.inf).softmax(dim=-1)


class SliceTransformerLayer(nn.Module):
    """Attention over the slices at -radius..radius, then a feed-forward block: (B, S, C, h, w) -> (B, S, C, h, w).

    Slices that do not exist are masked. Norms are per slice, so that any number of slices works. Positions count
    slices, or are distances where `Neighbourhood.distance` is known.

    Args:
        dim: channels C.
        num_heads: must divide `dim`.
        radius: neighbours on each side.
        mode: "global": one weight per pair of slices; "local": one per location of the feature map.
        zero_start: start as the identity: the last projections are zero-initialised.

    Raises:
        ValueError: unknown mode, or `num_heads` does not divide `dim`.
    """

    def __init__(
        self, dim: int, num_heads: int, radius: int, mode: Mode = "global", zero_start: bool = False
    ):
        super().__init__()
        if mode not in MODES:
            raise ValueError(f"mode={mode!r} is unknown. Choose one of {MODES}.")
        check_heads(dim, num_heads)
        self.num_heads, self.mode = num_heads, mode
        self.offsets = list(range(-radius, radius + 1))
        self.norm = nn.GroupNorm(1, dim)
        self.query = nn.Conv2d(dim, dim, 1)
        self.key = nn.Conv2d(dim, dim, 1, bias=False)  # softmax cancels a key's bias
        self.value = nn.Conv2d(dim, dim, 1, bias=False)
        self.out = nn.Conv2d(dim, dim, 1)
        self.feed_forward = nn.Sequential(
            nn.GroupNorm(1, dim), nn.Conv2d(dim, 4 * dim, 1), nn.GELU(), nn.Conv2d(4 * dim, dim, 1)
        )
        if zero_start:
            for last in (self.out, self.feed_forward[-1]):
                nn.init.zeros_(last.weight)
                nn.init.zeros_(last.bias)
        position = sinusoidal_position(torch.tensor(self.offsets, dtype=torch.float64), dim)
        self.register_buffer("position", position.float()[..., None, None], persistent=False)  # n C 1 1

    def forward(self, x: Tensor, around: Neighbourhood) -> Tensor:
        n_slices = x.shape[1]
        slices = rearrange(x, "b s c h w -> (b s) c h w")
        content = self.norm(slices)
        around = around.with_every_slice_as_centre()
        weights = self._weights(content, around)
        value, _ = self._window(self.value(content), self._positions(self.value, around), around)
        value = self._by_head(value)
        slices = slices + self.out(self._to_map(weights.to(value.dtype) @ value, content))
        return self._stack(slices + self.feed_forward(slices), n_slices)

    def attention_weights(self, x: Tensor, around: Neighbourhood) -> Tensor:
        """What `forward` weighs the values with, for T centres: (n, B, T, h, w), with global attention (n, B, T, 1, 1).

        The mean over heads; 0 where there is no slice.
        """
        content = self.norm(rearrange(x, "b s c h w -> (b s) c h w"))
        weights = self._weights(content, around.with_every_slice_as_centre()).mean(dim=1)
        size = {"h": x.shape[-2], "w": x.shape[-1]} if self.mode == "local" else {"h": 1, "w": 1}
        every = rearrange(weights, "(b s h w) 1 n -> b s n h w", s=x.shape[1], **size)
        return rearrange(around.centre(every), "b t n h w -> n b t h w")

    def _weights(self, content: Tensor, around: Neighbourhood) -> Tensor:
        """Of every slice, or of every location: (B, heads, 1, n)."""
        n_slices = around.valid.shape[1]
        tokens = F.adaptive_avg_pool2d(content, POOLED) if self.mode == "global" else content

        at_centre = self.position[len(self.offsets) // 2]
        query = self._by_head(self._stack(self.query(tokens + at_centre), n_slices)[:, :, None])
        key, exists = self._window(self.key(tokens), self._positions(self.key, around), around)
        if self.mode == "local":
            exists = repeat(exists, "bs n -> (bs hw) n", hw=content[0, 0].numel())
        return slice_weights(query, self._by_head(key), exists[:, None, None])

    def _positions(self, projection: nn.Conv2d, around: Neighbourhood) -> Tensor:
        """Projected positions of the offsets, n c 1 1, or of those of each stack, b 1 n c 1 1."""
        if around.distance is None:
            return projection(self.position)
        slices = torch.arange(self.offsets[0], self.offsets[-1] + 1, device=around.distance.device)
        offsets = around.distance[:, None] * slices
        position = sinusoidal_position(offsets, self.position.shape[1]).to(self.position.dtype)
        projected = projection(rearrange(position, "b n c -> (b n) c 1 1"))
        return rearrange(projected, "(b n) c 1 1 -> b 1 n c 1 1", b=len(position))

    def _window(self, features: Tensor, position: Tensor, around: Neighbourhood) -> tuple[Tensor, Tensor]:
        """(b s) c h w -> the slices around each, position added: b s n c h w, and whether they exist: (b s) n."""
        stack = self._stack(features, around.valid.shape[1])
        picked = [around.neighbour(stack, offset) for offset in self.offsets]
        window = torch.stack([neighbour for neighbour, _ in picked], dim=2) + position
        return window, rearrange([exists for _, exists in picked], "n b s -> (b s) n")

    def _by_head(self, x: Tensor) -> Tensor:
        if self.mode == "local":
            return rearrange(x, "b s n (heads d) h w -> (b s h w) heads n d", heads=self.num_heads)
        return rearrange(x, "b s n (heads d) h w -> (b s) heads n (d h w)", heads=self.num_heads)

    def _to_map(self, attended: Tensor, like: Tensor) -> Tensor:
        """One token per query -> (b s) c h w."""
        size = {"h": like.shape[-2], "w": like.shape[-1]}
        if self.mode == "local":
            return rearrange(attended, "(bs h w) heads 1 d -> bs (heads d) h w", **size)
        return rearrange(attended, "bs heads 1 (d h w) -> bs (heads d) h w", **size)

    @staticmethod
    def _stack(slices: Tensor, n_slices: int) -> Tensor:
        return rearrange(slices, "(b s) c h w -> b s c h w", s=n_slices)

"""Volumetric attention (Wang et al., MICCAI 2019, arXiv 2004.01997, sections 2.1-2.3, equations 1 and 3).

Section 2.2, on the channel attention, was not available to us in full: that part follows a summary.

A target slice is compared with a bag of context slices; the bag's sum, weighted by similarity, gates the target's
channels (VCA) and then its pixels (VSA). Both only re-weight the target's features.

Deviations, and why:
- The target is not in its own bag: otherwise the softmax puts all weight on the target.
- Similarity is a cosine times a learned temperature. Unscaled dot products over a feature map saturate the softmax.
- The spatial embedding is normalised before its ReLU; otherwise its single map can start negative and stay so.
- `X * (1 + S)` by default; the paper's `X * S` is an option. Without context: X. With S near 1/2 both parts together
  start near 2.25 X, the same on every skip, which the decoder's norms divide out.
"""

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from .neighbours import Neighbourhood, unsqueeze_like

REDUCTION = 16  # of the channel embedding, as in squeeze-and-excitation networks, which the paper cites
KERNEL = 3  # of the spatial convolutions; not given in the paper, and CBAM's 7 takes more time


class BagAttention(nn.Module):
    """Weighted sum over a target's context slices: embeddings (B, T, D) and (B, S, D) -> (B, T, D).

    Finite, but without meaning for a target without context, see `has_context`.

    Args:
        offsets: signed distances of the context slices from their target.
    """

    def __init__(self, offsets: list[int]):
        super().__init__()
        self.offsets = offsets
        self.temperature = nn.Parameter(torch.tensor([10.0]))

    def forward(self, target: Tensor, stack: Tensor, around: Neighbourhood) -> Tensor:
        weights, bag = self._weights(target, stack, around)
        return (weights[..., None] * bag).sum(dim=2).to(stack.dtype)

    def attention_weights(self, target: Tensor, stack: Tensor, around: Neighbourhood) -> Tensor:
        """What `forward` weighs the slices with: (N, B, T, 1, 1); 0 where there is no slice."""
        weights, _ = self._weights(target, stack, around)
        weights = weights * self.has_context(around)[..., None]
        return weights.movedim(2, 0)[..., None, None]

    def _weights(self, target: Tensor, stack: Tensor, around: Neighbourhood) -> tuple[Tensor, Tensor]:
        """Softmax over the bag, (B, T, N), and the bag, (B, T, N, D)."""
        picked = [around.neighbour(stack, offset) for offset in self.offsets]
        bag = torch.stack([context for context, _ in picked], dim=2)
        # Sums over a feature map overflow in half precision.
        precise = torch.promote_types(bag.dtype, torch.float32)
        target, bag = target.to(precise), bag.to(precise)
        exists = torch.stack([exists for _, exists in picked], dim=2)  # B T N
        similarity = self.temperature * F.cosine_similarity(target[:, :, None], bag, dim=-1)
        # The softmax of an empty bag would be NaN; its sum is not used.
        empty = ~exists.any(dim=2, keepdim=True)
        return similarity.masked_fill(~(exists | empty), -torch.inf).softmax(dim=2), bag

    def has_context(self, around: Neighbourhood) -> Tensor:
        """(B, T) bool: whether the bag is not empty."""
        return torch.stack([around.neighbour(around.valid, o)[1] for o in self.offsets]).any(dim=0)


class VolumetricChannelAttention(nn.Module):
    """Gate per channel of the target, in (0, 1): stack (B, S, C, h, w) -> (B, T, C, 1, 1).

    Args:
        dim: channels C.
        offsets: signed distances of the context slices, without 0.
    """

    def __init__(self, dim: int, offsets: list[int]):
        super().__init__()
        hidden = max(4, dim // REDUCTION)
        self.embed = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, dim))
        self.bag = BagAttention(offsets)
        self.expand = nn.Linear(dim, dim)

    def forward(self, stack: Tensor, around: Neighbourhood) -> Tensor:
        embedded = self.embed(stack.mean(dim=(-2, -1)))
        context = self.bag(around.centre(embedded), embedded, around)
        return torch.sigmoid(self.expand(context.relu()))[..., None, None]


class VolumetricSpatialAttention(nn.Module):
    """Gate per pixel of the target, in (0, 1): target (B, T, C, h, w), stack (B, S, C, h, w) -> (B, T, 1, h, w).

    Args:
        offsets: signed distances of the context slices, without 0.
    """

    def __init__(self, offsets: list[int]):
        super().__init__()
        self.embed = nn.Sequential(
            nn.Conv2d(2, 1, KERNEL, padding=KERNEL // 2, bias=False), nn.InstanceNorm2d(1, affine=True)
        )
        self.bag = BagAttention(offsets)
        self.expand = nn.Conv2d(1, 1, KERNEL, padding=KERNEL // 2)

    def forward(self, target: Tensor, stack: Tensor, around: Neighbourhood) -> Tensor:
        context = self.bag(self._embedded(target), self._embedded(stack), around)
        size = {"b": len(stack), "h": stack.shape[-2], "w": stack.shape[-1]}
        maps = rearrange(context.relu(), "b t (h w) -> (b t) 1 h w", h=size["h"])
        return rearrange(torch.sigmoid(self.expand(maps)), "(b t) 1 h w -> b t 1 h w", b=size["b"])

    def _embedded(self, x: Tensor) -> Tensor:
        """(B, S, C, h, w) -> (B, S, h*w)."""
        # max, not amax: amax spreads the gradient over equal values and takes three times as long.
        pooled = torch.stack([x.max(dim=2).values, x.mean(dim=2)], dim=2)
        embedded = self.embed(rearrange(pooled, "b s two h w -> (b s) two h w"))
        return rearrange(embedded, "(b s) 1 h w -> b s (h w)", b=len(x))


class VolumetricAttention(nn.Module):
    """Channel, then spatial attention: stack (B, S, C, h, w) -> (B, T, C, h, w). Without context: the target.

    Args:
        dim: channels C.
        offsets: signed distances of the context slices, without 0.
        channel, spatial: switch either off (the paper's ablation, tables 2d and 4).
        multiplicative: the paper's `X * S` instead of `X * (1 + S)`.
        zero_start: `X * 2S` with S = 1/2 at the start: starts as the identity.

    Raises:
        ValueError: both `zero_start` and `multiplicative`.
    """

    def __init__(
        self,
        dim: int,
        offsets: list[int],
        channel: bool = True,
        spatial: bool = True,
        multiplicative: bool = False,
        zero_start: bool = False,
    ):
        super().__init__()
        self.channel = VolumetricChannelAttention(dim, offsets) if channel else None
        self.spatial = VolumetricSpatialAttention(offsets) if spatial else None
        if zero_start and multiplicative:
            raise ValueError("zero_start is `X * 2S`, multiplicative `X * S`. Choose one of them.")
        self.added, self.scale = 0.0 if multiplicative or zero_start else 1.0, 2.0 if zero_start else 1.0
        for part in (self.channel, self.spatial) if zero_start else ():
            if part is not None:
                nn.init.zeros_(part.expand.weight)
                nn.init.zeros_(part.expand.bias)

    def forward(self, stack: Tensor, around: Neighbourhood) -> Tensor:
        target = around.centre(stack)
        if self.channel is not None:
            gate = self.channel(stack, around)
            target = target * self._gain(gate, self.channel.bag.has_context(around))
        if self.spatial is not None:
            gate = self.spatial(target, stack, around)
            target = target * self._gain(gate, self.spatial.bag.has_context(around))
        return target

    def _gain(self, gate: Tensor, has_context: Tensor) -> Tensor:
        return torch.where(
            unsqueeze_like(has_context, gate), self.added + self.scale * gate, torch.ones_like(gate)
        )

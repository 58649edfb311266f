"""Per-pixel attention across slices and low-rank mixing of slices, a cheaper alternative. Used by SliceAttention.

Both add features gathered from the neighbouring slices to those of the centre slice, through a zero-initialised output
projection: they start as the identity. Slices that do not exist are ignored.
"""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .multi_head import default_num_heads
from .neighbours import Neighbourhood, unsqueeze_like
from .slicewise import slicewise, slicewise_centre_grad

HEAD_WIDTH = 32  # channels
# A skip's channels divided by those of queries, keys and values; as in non-local networks (Wang et al. 2018).
WIDTH_REDUCTION = 2
MIXING_REDUCTION = 4  # a skip's channels divided by those of low-rank mixing


def zero_init_projection(in_channels: int, out_channels: int) -> nn.Conv2d:
    """A zero-initialised 1 x 1 convolution: adding its output changes nothing until it has learned."""
    projection = nn.Conv2d(in_channels, out_channels, 1, bias=False)
    nn.init.zeros_(projection.weight)
    return projection


def pad_slices(x: Tensor, position: slice, n: int) -> Tensor:
    """(B, t, ...) -> (B, n, ...): `x` at `position`, zeros elsewhere."""
    if x.shape[1] == n:
        return x
    return F.pad(x, (0, 0) * (x.ndim - 2) + (position.start, n - position.stop))


class SliceAttentionLayer(nn.Module):
    """x_i + sum_o W_o (a_o * v_(i+o)), a = softmax_o(q_i . (k_(i+o) + e_o) / sqrt(d)).

    (B, S, C, h, w) -> (B, T, C, h, w), with d channels per head. The softmax is over the existing slices among
    i-R..i+R, of which i always counts, per pixel and head. Each offset o has its own output projection W_o, so that a
    neighbour can be subtracted as well as added. Keys and values learn from all slices. If neighbours carry no
    gradient, the stack is a single centre with its context on both sides, and the norm and convolution before keys and
    values learn from the centre alone, which is cheaper.

    Args:
        dim: channels C.
        offsets: signed distances of the slices attended to, including 0.
    """

    def __init__(self, dim: int, offsets: range):
        super().__init__()
        self.offsets = offsets
        self.width = max(1, dim // WIDTH_REDUCTION)
        self.heads = default_num_heads(self.width, HEAD_WIDTH)
        self.prepare = NormAndDepthwiseConv(dim)
        self.query = nn.Conv2d(dim, self.width, 1)
        self.key = nn.Conv2d(dim, self.width, 1, bias=False)  # softmax cancels a key's bias
        self.value = nn.Conv2d(dim, self.width, 1, bias=False)
        # As nnU-Net's convolutions. By PyTorch's default the values, and so the step of their projection, are small.
        nn.init.kaiming_normal_(self.value.weight, a=1e-2)
        self.offset_embedding = nn.Parameter(torch.randn(len(offsets), self.width, 1, 1) * 0.02)
        self.out = zero_init_projection(len(offsets) * self.width, dim)

    def forward(self, stack: Tensor, around: Neighbourhood) -> Tensor:
        run = slicewise if around.context_grad else slicewise_centre_grad
        prepared = run(self.prepare, stack)
        keys, values = self._keys_values(prepared)
        weights = self._weights(slicewise(self.query, around.centre(prepared)), keys, around)

        out = around.centre(stack)
        projections = self.out.weight.chunk(len(self.offsets), dim=1)
        for offset, weight, project in zip(self.offsets, weights, projections, strict=True):
            centres, neighbours = around.overlap(offset)
            gathered = (weight[:, centres, :, None] * values[:, neighbours]).flatten(2, 3)
            added = slicewise(partial(F.conv2d, weight=project), gathered)
            out = out + pad_slices(added, centres, len(around.centres))
        return out

    def attention_weights(self, stack: Tensor, around: Neighbourhood) -> Tensor:
        """What `forward` weighs its values with: (n, B, T, h, w), the mean over heads; 0 where there is no slice."""
        prepared = slicewise(self.prepare, stack)
        keys, _ = self._keys_values(prepared)
        return self._weights(slicewise(self.query, around.centre(prepared)), keys, around).mean(dim=3)

    def _weights(self, query: Tensor, keys: Tensor, around: Neighbourhood) -> Tensor:
        """Softmax over the offsets, (n, B, T, heads, h, w), from (B, T, C, h, w) and (B, S, heads, d, h, w)."""
        scores = []
        for offset, offset_score in zip(self.offsets, self._offset_scores(query), strict=True):
            centres, neighbours = around.overlap(offset)
            products = self._by_head(query)[:, centres] * keys[:, neighbours]
            score = products.sum(dim=3) + offset_score[:, centres]
            scores.append(self._scale_and_mask(score, centres, around, offset))
        return torch.stack(scores).softmax(dim=0).to(query.dtype)

    def _keys_values(self, prepared: Tensor) -> tuple[Tensor, Tensor]:
        return self._by_head(slicewise(self.key, prepared)), self._by_head(slicewise(self.value, prepared))

    def _offset_scores(self, query: Tensor) -> Tensor:
        """q . e_o for all offsets: (B, T, C, h, w) -> (n, B, T, heads, h, w)."""
        embeddings = self.offset_embedding.unflatten(1, (self.heads, -1)).transpose(0, 1).flatten(0, 1)
        products = slicewise(partial(F.conv2d, weight=embeddings, groups=self.heads), query)
        return products.unflatten(2, (self.heads, -1)).movedim(3, 0)

    def _scale_and_mask(self, score: Tensor, centres: slice, around: Neighbourhood, offset: int) -> Tensor:
        """(B, t, heads, h, w) -> (B, T, heads, h, w), divided by sqrt(d), -inf where the slice does not exist."""
        _, exists = around.neighbour(around.valid, offset)
        score = pad_slices(score / (self.width / self.heads) ** 0.5, centres, len(around.centres))
        return score.masked_fill(~unsqueeze_like(exists, score), -torch.inf)

    def _by_head(self, x: Tensor) -> Tensor:
        """(B, T, C, h, w) -> (B, T, heads, d, h, w)."""
        return x.unflatten(2, (self.heads, -1))


class NormAndDepthwiseConv(nn.Module):
    """Instance norm plus a depthwise 3 x 3 convolution of it, for local context: (N, C, h, w) -> (N, C, h, w)."""

    def __init__(self, dim: int):
        super().__init__()
        self.norm = nn.InstanceNorm2d(dim, affine=True)
        self.surroundings = nn.Conv2d(dim, dim, 3, padding=1, groups=dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(x)
        return x + self.surroundings(x)


class SliceMixingLayer(nn.Module):
    """x_i + sum_o U_o V norm(x_(i+o)) over the neighbours o that exist: (B, S, C, h, w) -> (B, T, C, h, w).

    Without neighbours: x_i.

    Args:
        dim: channels C; V reduces them to a quarter, the zero-initialised U_o expand them again.
        offsets: signed distances of the neighbours, without 0.
    """

    def __init__(self, dim: int, offsets: list[int]):
        super().__init__()
        self.offsets = offsets
        reduced = max(1, dim // MIXING_REDUCTION)
        self.reduce = nn.Sequential(nn.InstanceNorm2d(dim, affine=True), nn.Conv2d(dim, reduced, 1))
        self.out = zero_init_projection(len(offsets) * reduced, dim)

    def forward(self, stack: Tensor, around: Neighbourhood) -> Tensor:
        centre = around.centre(stack)
        reduced = slicewise(self.reduce, stack)
        picked = [around.neighbour(reduced, offset) for offset in self.offsets]
        gathered = torch.cat(
            [neighbour * unsqueeze_like(exists, neighbour) for neighbour, exists in picked], dim=2
        )
        return centre + slicewise(self.out, gathered)

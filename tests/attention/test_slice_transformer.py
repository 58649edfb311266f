"""`slice_weights` against PyTorch's attention; TSFMUNet's layer against its formula, one slice and head at a time."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from nnunet_slice_attention.attention.neighbours import Neighbourhood
from nnunet_slice_attention.attention.slice_transformer import (
    SliceTransformerLayer,
    sinusoidal_position,
    slice_weights,
)

B, S, C, H, W, HEADS = 2, 5, 8, 8, 4, 2
VALID = np.array([[1, 1, 1, 1, 1], [1, 0, 1, 1, 0]], bool)


def position(channel: int, offset: float) -> float:
    """PE(i, j) = sin(j / w^(i/d)) for even i, cos for odd i, w = 10^4 (Guo and Terzopoulos 2020)."""
    angle = offset / 10_000 ** (channel / C)
    return math.cos(angle) if channel % 2 else math.sin(angle)


def at(offset: float) -> np.ndarray:
    return np.array([position(channel, offset) for channel in range(C)])[:, None, None]


def projected(convolution, x):
    weight = convolution.weight.detach().numpy()[..., 0, 0]
    bias = 0 if convolution.bias is None else convolution.bias.detach().numpy()[:, None, None]
    return np.einsum("oc,chw->ohw", weight, x) + bias


def normed(norm, x):
    gain, shift = (p.detach().numpy()[:, None, None] for p in (norm.weight, norm.bias))
    return gain * (x - x.mean()) / np.sqrt(x.var() + norm.eps) + shift


def reference(layer, stack, distances) -> tuple[np.ndarray, np.ndarray]:
    """The layer's output, and its mean weights over the heads; `distances` between slices, of each stack."""
    out, weight_maps = np.empty_like(stack), np.zeros((len(layer.offsets), B, S, H, W))
    for b in range(B):
        content = [normed(layer.norm, x) for x in stack[b]]
        tokens = content
        if layer.mode == "global":  # on a 4 x 4 grid
            tokens = [x.reshape(C, 4, H // 4, 4, W // 4).mean((2, 4)) for x in content]
        for i in range(S):
            there = [(o, i + o) for o in layer.offsets if 0 <= i + o < S and (VALID[b, i + o] or not o)]
            query = projected(layer.query, tokens[i] + at(0))
            keys = [projected(layer.key, tokens[j] + at(o * distances[b])) for o, j in there]
            values = [projected(layer.value, content[j] + at(o * distances[b])) for o, j in there]
            attended = np.zeros((C, H, W))
            for head in np.split(np.arange(C), HEADS):
                products = np.stack([query[head] * key[head] for key in keys])
                axes, n = ((1, 2, 3), products[0].size) if layer.mode == "global" else (1, len(head))
                weights = np.exp(products.sum(axes, keepdims=True) / math.sqrt(n))
                weights /= weights.sum(0)
                for (o, _), weight in zip(there, weights, strict=True):
                    weight_maps[layer.offsets.index(o), b, i] += weight[0] / HEADS
                attended[head] = sum(w * v[head] for w, v in zip(weights, values, strict=True))
            x = stack[b, i] + projected(layer.out, attended)
            norm, widen, _, narrow = layer.feed_forward
            hidden = F.gelu(torch.from_numpy(projected(widen, normed(norm, x)))).numpy()
            out[b, i] = x + projected(narrow, hidden)
    return out, weight_maps


@pytest.mark.parametrize("mode", ["global", "local"])
@pytest.mark.parametrize("radius", [1, 2])
@pytest.mark.parametrize("distances", [None, [1.0, 1.0], [0.4, 2.5]])
@torch.no_grad()
def test_the_layer_matches_its_formula(mode, radius, distances):
    torch.manual_seed(0)
    layer = SliceTransformerLayer(C, HEADS, radius, mode).double()
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    stack = torch.randn(B, S, C, H, W, dtype=torch.float64)
    known = None if distances is None else torch.tensor(distances, dtype=torch.float64)
    found = layer(stack, Neighbourhood(range(S), torch.from_numpy(VALID), distance=known))
    expected, weights = map(torch.from_numpy, reference(layer, stack.numpy(), distances or [1, 1]))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)  # positions are in single precision
    for centres in (range(S), range(1, 3)):
        around = Neighbourhood(centres, torch.from_numpy(VALID), distance=known)
        found = layer.attention_weights(stack, around)
        expected = weights[:, :, centres.start : centres.stop]
        torch.testing.assert_close(found.expand_as(expected), expected, rtol=0, atol=1e-5)


def test_positions_are_the_sines_and_cosines_of_the_paper():
    offsets = [-3, 0, 1, 2.5]
    expected = [[position(channel, offset) for channel in range(C)] for offset in offsets]
    torch.testing.assert_close(sinusoidal_position(torch.tensor(offsets), C), torch.tensor(expected))


def test_single_queries_match_the_fused_kernel_and_missing_slices_have_no_weight():
    generator = torch.Generator().manual_seed(0)
    query, key, value = (
        torch.randn(3, 2, n, d, generator=generator, dtype=torch.float64).requires_grad_()
        for n, d in ((1, 8), (5, 8), (5, 12))
    )
    exists = torch.tensor([[1, 1, 1, 1, 1], [0, 0, 1, 1, 0], [0, 0, 1, 0, 0]], dtype=torch.bool)[
        :, None, None
    ]
    expected = F.scaled_dot_product_attention(query, key, value, attn_mask=exists)
    found = slice_weights(query, key, exists) @ value
    torch.testing.assert_close(found, expected)
    gradients = [torch.autograd.grad(o.square().sum(), (query, key, value)) for o in (found, expected)]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)
    assert gradients[0][2][2, :, [0, 1, 3, 4]].abs().max() == 0


def test_half_precision_does_not_overflow_on_large_features():
    query, key = torch.full((1, 1, 1, 1024), 100.0), torch.full((1, 1, 3, 1024), 10.0)
    value = torch.arange(3.0)[None, None, :, None]
    with torch.autocast("cpu", torch.float16):
        found = slice_weights(query, key, torch.ones(1, 1, 1, 3, dtype=torch.bool)).to(value.dtype) @ value
    torch.testing.assert_close(found.float(), torch.ones(1, 1, 1, 1))

"""Per-pixel attention across slices against its formula, pixel by pixel; and low-rank mixing."""

import pytest
import torch
from torch.nn import functional as F

from nnunet_slice_attention.attention.neighbours import Neighbourhood
from nnunet_slice_attention.attention.slice_attention import (
    NormAndDepthwiseConv,
    SliceAttentionLayer,
    SliceMixingLayer,
)

B, S, C, H, W = 2, 5, 128, 3, 4
MISSING = (1, 3)  # batch item, slice


@pytest.fixture
def stack():
    return torch.randn(B, S, C, H, W, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def neighbourhood(centres=range(S), repeat=False) -> Neighbourhood:
    valid = torch.ones(B, S, dtype=torch.bool)
    valid[MISSING] = False
    return Neighbourhood(centres, valid, repeat)


def trained(layer):
    torch.manual_seed(1)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return layer.double()


def pixel_by_pixel(layer, stack, around, radius):
    """The docstring's formula, one pixel and one head at a time, and its mean weights over the heads."""
    weights = stack.new_zeros(2 * radius + 1, B, len(around.centres), H, W)
    width = C // 2 // layer.heads
    out = around.centre(stack).clone()
    projections = layer.out.weight[..., 0, 0].chunk(2 * radius + 1, dim=1)
    flat = layer.prepare(stack.flatten(0, 1))
    q, k, v = (m(flat).unflatten(0, (B, S)).detach() for m in (layer.query, layer.key, layer.value))
    e = layer.offset_embedding[..., 0, 0]
    for b in range(B):
        for t, i in enumerate(around.centres):
            reach = [
                (n, i + o)
                for n, o in enumerate(range(-radius, radius + 1))
                if o == 0 or (0 <= i + o < S and around.valid[b, i + o])
            ]
            for head in range(layer.heads):
                part = slice(head * width, (head + 1) * width)
                for y in range(H):
                    for x in range(W):
                        query = q[b, i, part, y, x]
                        scores = torch.stack([query @ (k[b, j, part, y, x] + e[n, part]) for n, j in reach])
                        for weight, (n, j) in zip((scores / width**0.5).softmax(0), reach, strict=True):
                            weights[n, b, t, y, x] += weight / layer.heads
                            out[b, t, :, y, x] += projections[n][:, part] @ (weight * v[b, j, part, y, x])
    return out, weights


@pytest.mark.parametrize("radius", [1, 2])
@pytest.mark.parametrize("centres", [range(S), range(2, 3), range(0, 2)])
@torch.no_grad()
def test_it_matches_the_formula(stack, radius, centres):
    layer = trained(SliceAttentionLayer(C, range(-radius, radius + 1)))
    assert (layer.width, layer.heads) == (C // 2, 2)
    around = neighbourhood(centres)
    expected, weights = pixel_by_pixel(layer, stack, around, radius)
    torch.testing.assert_close(layer(stack, around), expected, rtol=0, atol=1e-10)
    torch.testing.assert_close(layer.attention_weights(stack, around), weights, rtol=0, atol=1e-10)


@pytest.mark.parametrize("layer", [SliceAttentionLayer(C, range(-1, 2)), SliceMixingLayer(C, [-1, 1])])
def test_it_starts_as_the_identity_and_the_projection_has_a_gradient(layer, stack):
    layer = layer.double()
    out = layer(stack, neighbourhood())
    assert torch.equal(out, stack)
    out.square().sum().backward()
    assert layer.out.weight.grad.any()


@pytest.mark.parametrize("layer", [SliceAttentionLayer(C, range(-1, 2)), SliceMixingLayer(C, [-1, 1])])
@torch.no_grad()
def test_a_missing_slice_is_ignored(layer, stack):
    layer = trained(layer)
    changed = stack.clone()
    changed[MISSING] += 1
    others = [i for i in range(S) if i != MISSING[1]]
    same = layer(stack, neighbourhood())[1, others], layer(changed, neighbourhood())[1, others]
    assert torch.equal(*same)


@torch.no_grad()
def test_normalised_features_are_added_to_their_depthwise_convolution(stack):
    layer = trained(NormAndDepthwiseConv(C))
    x = stack[0]
    mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), keepdim=True, correction=0)
    normed = (x - mean) / (variance + layer.norm.eps).sqrt()
    normed = normed * layer.norm.weight[:, None, None] + layer.norm.bias[:, None, None]
    padded, kernel = F.pad(normed, (1, 1, 1, 1)), layer.surroundings.weight[:, 0]
    around = sum(
        kernel[:, y, x, None, None] * padded[..., y : y + H, x : x + W] for y in range(3) for x in range(3)
    )
    torch.testing.assert_close(layer(stack[0]), normed + around, rtol=0, atol=1e-10)


@torch.no_grad()
def test_mixing_adds_a_projection_of_each_neighbours_normalised_features(stack):
    layer = trained(SliceMixingLayer(C, [-1, 1]))
    reduced = layer.reduce(stack.flatten(0, 1)).unflatten(0, (B, S))
    before, behind = layer.out.weight[..., 0, 0].chunk(2, dim=1)
    expected = stack[0, 1] + sum(
        torch.einsum("oc,chw->ohw", projection, reduced[0, j]) for projection, j in ((before, 0), (behind, 2))
    )
    torch.testing.assert_close(layer(stack, neighbourhood())[0, 1], expected, rtol=0, atol=1e-10)


def test_keys_and_values_learn_from_neighbours_that_carry_no_gradient(stack):
    layer = trained(SliceAttentionLayer(C, range(-1, 2)))
    with torch.no_grad():  # the slice's own value has no effect on the output
        layer.out.weight.chunk(3, dim=1)[1].zero_()
    x, valid = stack[:, :3].clone().requires_grad_(), torch.ones(B, 3, dtype=torch.bool)
    layer(x, Neighbourhood(range(1, 2), valid, context_grad=False)).square().sum().backward()
    with_context = {name: p.grad.clone() for name, p in layer.named_parameters()}
    assert not x.grad[:, [0, 2]].any() and x.grad[:, 1].any()
    layer.zero_grad()
    layer(x, Neighbourhood(range(1, 2), valid, context_grad=True)).square().sum().backward()
    for name in ("key.weight", "value.weight", "query.weight", "out.weight"):
        torch.testing.assert_close(
            with_context[name], dict(layer.named_parameters())[name].grad, rtol=0, atol=1e-9
        )


@pytest.mark.parametrize("layer", [SliceAttentionLayer(C, range(-1, 2)), SliceMixingLayer(C, [-1, 1])])
def test_copies_of_the_centre_carry_the_gradient_that_real_neighbours_would(layer, stack):
    layer = trained(layer)
    real = stack[:, 2:3].clone().requires_grad_()
    layer(
        torch.cat([real] * 3, dim=1), Neighbourhood(range(1, 2), torch.ones(B, 3, dtype=torch.bool))
    ).square().sum().backward()
    copied = stack[:, 2:3].clone().requires_grad_()
    around = Neighbourhood(range(1), torch.ones(B, 1, dtype=torch.bool), repeat_centre=True)
    layer(copied, around).square().sum().backward()
    torch.testing.assert_close(copied.grad, real.grad, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("dim", "heads"), [(16, 1), (64, 1), (512, 8), (352, 4), (194, 1)])
def test_as_many_heads_of_at_least_32_channels_as_divide_half_the_channels(dim, heads):
    layer = SliceAttentionLayer(dim, range(-1, 2))
    assert layer.heads == heads
    x = torch.randn(1, 3, dim, 2, 2)
    assert layer(x, Neighbourhood(range(3), torch.ones(1, 3, dtype=torch.bool))).shape == x.shape


def test_a_slice_without_neighbours_needs_no_context(stack):
    layer = trained(SliceAttentionLayer(C, range(-1, 2)))
    valid = torch.ones(B, 1, dtype=torch.bool)
    out = layer(stack[:, 2:3], Neighbourhood(range(1), valid, context_grad=False))
    torch.testing.assert_close(out, layer(stack[:, 2:3], Neighbourhood(range(1), valid)), rtol=0, atol=1e-12)

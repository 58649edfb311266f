"""Volumetric Attention against its formulas in NumPy, one slice at a time (Wang et al. 2019, sections 2.1 to 2.3)."""

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate

from nnunet_slice_attention.attention.neighbours import Neighbourhood
from nnunet_slice_attention.attention.volumetric import BagAttention, VolumetricAttention

B, S, C, H, W = 2, 6, 8, 5, 4
VALID = np.array([[1, 1, 0, 1, 1, 1], [1, 0, 1, 0, 1, 1]], bool)  # volume 1, slice 2: none at -1 and 1


@pytest.fixture
def stack():
    return torch.randn(B, S, C, H, W, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def trained(offsets=(-1, 1), **options) -> VolumetricAttention:
    torch.manual_seed(1)
    module = VolumetricAttention(C, list(offsets), **options).double()
    for name, parameter in module.named_parameters():
        torch.nn.init.normal_(parameter, mean=5 if "temperature" in name else 0)
    return module


def context(i: int, valid, offsets) -> list[int]:
    return [i + o for o in offsets if 0 <= i + o < S and valid[i + o]]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def linear(layer, x):
    return layer.weight.detach().numpy() @ x + layer.bias.detach().numpy()


def convolved(layer, maps):
    """Zero-padded, of (channels, H, W), with one output channel."""
    kernels = layer.weight.detach().numpy()[0]
    bias = 0 if layer.bias is None else layer.bias.item()
    return sum(correlate(m, k, mode="constant") for m, k in zip(maps, kernels, strict=True)) + bias


def weighted_bag(target, bag, temperature):
    """Sum of the bag, weighted by the softmax of the similarity to the target."""
    flat = target.ravel()
    similarity = [flat @ b.ravel() / np.linalg.norm(flat) / np.linalg.norm(b) for b in bag]
    weights = np.exp(temperature * np.array(similarity))
    return sum(w * b for w, b in zip(weights / weights.sum(), bag, strict=True))


def channel_gate(module, target, bag):
    """sigmoid(W3 relu(sum of the bag)) of W2 relu(W1 x), x averaged over the slice."""
    first, _, second = module.embed
    embedded = [linear(second, np.maximum(linear(first, x.mean((1, 2))), 0)) for x in (target, *bag)]
    gathered = weighted_bag(embedded[0], embedded[1:], module.bag.temperature.item())
    return sigmoid(linear(module.expand, np.maximum(gathered, 0)))[:, None, None]


def spatial_gate(module, target, bag):
    """sigmoid(conv(relu(sum of the bag))) of norm(conv([max, mean])) over the channels."""
    convolution, norm = module.embed
    embedded = []
    for x in (target, *bag):
        pooled = convolved(convolution, np.stack([x.max(0), x.mean(0)]))
        normed = (pooled - pooled.mean()) / np.sqrt(pooled.var() + norm.eps)
        embedded.append(norm.weight.item() * normed + norm.bias.item())
    gathered = weighted_bag(embedded[0], embedded[1:], module.bag.temperature.item())
    return sigmoid(convolved(module.expand, [np.maximum(gathered, 0)]))


def reference(module, stack, offsets, gain) -> np.ndarray:
    out = stack.numpy().copy()
    for b in range(B):
        volume = stack[b].numpy()
        for i in range(S):
            bag = [volume[j] for j in context(i, VALID[b], offsets)]
            if bag and module.channel is not None:
                out[b, i] *= gain(channel_gate(module.channel, volume[i], bag))
            if bag and module.spatial is not None:
                out[b, i] *= gain(spatial_gate(module.spatial, out[b, i], bag))
    return out


@pytest.mark.parametrize("offsets", [(-1, 1), (-2, -1, 1, 2), (-3, 3)])
@pytest.mark.parametrize(
    ("options", "gain"),
    [
        ({}, lambda s: 1 + s),
        ({"multiplicative": True}, lambda s: s),
        ({"zero_start": True}, lambda s: 2 * s),
        ({"spatial": False}, lambda s: 1 + s),
        ({"channel": False}, lambda s: 1 + s),
    ],
    ids=["default", "multiplicative", "zero_start", "channel", "spatial"],
)
@torch.no_grad()
def test_it_matches_the_formula(stack, options, gain, offsets):
    module = trained(offsets, **options)
    expected = torch.from_numpy(reference(module, stack, offsets, gain))
    valid = torch.from_numpy(VALID)
    for centres in (range(S), range(2, 4)):
        found = module(stack, Neighbourhood(centres, valid))
        torch.testing.assert_close(found, expected[:, list(centres)], rtol=0, atol=1e-10)


@torch.no_grad()
def test_the_context_slice_most_similar_to_the_target_has_the_largest_weight():
    target, other = torch.eye(2)
    stack = torch.stack([target, target, other])[None]
    around = Neighbourhood(range(1, 2), torch.ones(1, 3, dtype=torch.bool))
    alike, unlike = BagAttention([-1, 1])(stack[:, 1:2], stack, around).flatten().tolist()
    assert alike == pytest.approx(1 / (1 + np.exp(-10)))  # the temperature begins at 10
    assert alike + unlike == pytest.approx(1)
    weights = BagAttention([-1, 1]).attention_weights(stack[:, 1:2], stack, around)
    assert weights.shape == (2, 1, 1, 1, 1)
    assert weights.flatten().tolist() == pytest.approx([alike, unlike])


@torch.no_grad()
def test_slices_that_do_not_exist_have_no_weight():
    stack = torch.randn(1, 2, 4, generator=torch.Generator().manual_seed(0))
    bag = BagAttention([-1, 1])
    weights = bag.attention_weights(stack, stack, Neighbourhood(range(2), torch.ones(1, 2, dtype=torch.bool)))
    assert weights[:, 0, :, 0, 0].tolist() == [[0, 1], [1, 0]]
    alone = Neighbourhood(range(1), torch.ones(1, 1, dtype=torch.bool))
    assert not bag.attention_weights(stack[:, :1], stack[:, :1], alone).any()


@torch.no_grad()
def test_it_starts_as_one_factor_for_every_channel_and_place(stack):
    torch.manual_seed(2)
    module = VolumetricAttention(C, [-1, 1]).double()
    gain = module(stack, Neighbourhood(range(S), torch.ones(B, S, dtype=torch.bool))) / stack
    assert 2.1 < gain.mean() < 2.5
    assert gain.std() < 0.15 * gain.mean()

"""For any chunk size the logits are those of each slice with its true neighbours, and no slice is encoded twice.

Blank slices count as missing, per volume of a batch: a chunk must use the mask of its own slices.
"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nnunet_slice_attention.inference.whole_stack import segment_stack
from tests.networks.configurations import OPTIONS, POSITION_OPTIONS, build, each, every_unet, slab


def in_chunks(network, x, chunk):
    places, logits = zip(*segment_stack(network, x, chunk), strict=True)
    assert [p.start for p in places] == list(range(0, x.shape[2], chunk))
    return torch.cat(logits, dim=2)


def with_blank_slices(x):
    """Blank about a third of the slices, at random."""
    generator = torch.Generator().manual_seed(5)
    blank = torch.rand(x.shape[0], x.shape[2], generator=generator) < 1 / 3
    return x * ~blank[:, None, :, None, None]


@every_unet
@pytest.mark.parametrize("depth", [1, 2, 3, 7])
def test_any_chunk_size_gives_the_channel_view_of_every_slice(name, options, depth):
    network = build(name, options).eval()
    radius = network.context_radius
    x = with_blank_slices(slab(depth=depth, batch=2))
    around = torch.nn.functional.pad(x, (0, 0, 0, 0, radius, radius))
    valid = torch.nn.functional.pad(torch.ones(2, depth, dtype=torch.bool), (radius, radius))
    channels = [around[:, :, i : i + 2 * radius + 1].transpose(1, 2).flatten(1, 2) for i in range(depth)]
    exists = [valid[:, i : i + 2 * radius + 1] for i in range(depth)]
    with torch.inference_mode():
        expected = [network(x, v) for x, v in zip(channels, exists, strict=True)]
        for chunk in {1, 2, 4, depth}:
            got = in_chunks(network, x, chunk)
            torch.testing.assert_close(got, torch.stack(expected, dim=2), rtol=0, atol=1e-9)


@every_unet
@pytest.mark.parametrize("chunk", [1, 3, 10])
def test_each_slice_is_encoded_once(name, options, chunk):
    network = build(name, options, double=False).eval()
    encoded = []
    network.encoder.register_forward_pre_hook(lambda module, inputs: encoded.append(len(inputs[0])))
    with torch.inference_mode():
        in_chunks(network, slab(depth=10).float(), chunk)
    assert sum(encoded) == 10
    assert max(encoded) <= chunk + 2 * network.fusion_radius


@each(POSITION_OPTIONS)
@pytest.mark.parametrize("chunk", [1, 4, 20])
def test_a_whole_stack_gets_positions_before_it_is_cut_into_chunks(name, options, chunk):
    network = build(name, options).eval()
    x = with_blank_slices(slab(depth=10, batch=2))
    with torch.inference_mode():
        torch.testing.assert_close(in_chunks(network, x, chunk), network(x), rtol=0, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(OPTIONS),
    st.integers(1, 13),
    st.integers(1, 20),
    st.integers(1, 20),
    st.sets(st.integers(0, 12), max_size=4),
)
def test_chunk_sizes_agree_at_any_depth(which, depth, chunk, other, blank):
    network = build(*which).eval()
    x = slab(depth=depth, batch=1)
    x[:, :, [i for i in blank if i < depth]] = 0
    with torch.inference_mode():
        one, another = in_chunks(network, x, chunk), in_chunks(network, x, other)
    torch.testing.assert_close(one, another, rtol=0, atol=1e-9)

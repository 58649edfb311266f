"""Multi-head attention against PyTorch's; CSA-Net's attention across and in slices against its formula."""

import pytest
import torch
from torch import nn

from nnunet_slice_attention.attention.cross_slice import CrossSliceAttention, InSliceAttention
from nnunet_slice_attention.attention.multi_head import MultiHeadAttention, default_num_heads


def reference(attention: MultiHeadAttention) -> nn.MultiheadAttention:
    """PyTorch's own module with the same weights."""
    dim = attention.query.in_features
    module = nn.MultiheadAttention(dim, attention.num_heads, batch_first=True).double()
    with torch.no_grad():
        module.in_proj_weight.copy_(
            torch.cat([attention.query.weight, attention.key.weight, attention.value.weight])
        )
        module.in_proj_bias.zero_()[:dim].copy_(attention.query.bias)
        module.out_proj.weight.copy_(attention.out.weight)
        module.out_proj.bias.zero_()
    return module


@pytest.fixture
def random_attention():
    torch.manual_seed(0)
    attention = MultiHeadAttention(16, 4).double()
    for parameter in attention.parameters():
        nn.init.normal_(parameter)
    return attention


def test_multi_head_attention_equals_torch(random_attention):
    query = torch.randn(2, 5, 16).double()
    key, value = torch.randn(2, 2, 7, 16).double()
    expected, _ = reference(random_attention)(query, key, value)
    torch.testing.assert_close(random_attention(query, key, value), expected)


@pytest.mark.parametrize("direction", ["paper", "centre_query"])
def test_cross_slice_attention_matches_its_formula(direction):
    """x_c + norm(W_o concat_h softmax(Q K^T / sqrt(d_h)) V), positions in Q and K."""
    torch.manual_seed(0)
    module = CrossSliceAttention(8, 2, direction).double()
    centre, neighbour = torch.randn(2, 3, 8, 2, 3).double()
    position = torch.randn(1, 8, 2, 3).double()
    c, n, p = (t.flatten(2).transpose(1, 2) for t in (centre, neighbour, position))
    query, key_value = (n, c) if direction == "paper" else (c, n)
    expected, _ = reference(module.attention)(query + p, key_value + p, key_value)
    expected = expected.transpose(1, 2).reshape(centre.shape)
    mean, variance = expected.mean((2, 3), keepdim=True), expected.var((2, 3), keepdim=True, correction=0)
    expected = centre + (expected - mean) / (variance + 1e-5).sqrt()
    torch.testing.assert_close(module(centre, neighbour, position), expected)


def test_in_slice_attention_is_cross_slice_attention_with_itself():
    torch.manual_seed(0)
    module = InSliceAttention(8, 2)
    centre, position = torch.randn(2, 1, 8, 3, 3)
    other = CrossSliceAttention(8, 2)
    other.load_state_dict(module.state_dict())
    torch.testing.assert_close(module(centre, position), other(centre, centre, position))


@pytest.mark.parametrize(
    ("dim", "heads"), [(1024, 16), (768, 12), (320, 5), (200, 2), (193, 1), (64, 1), (8, 1)]
)
def test_default_heads_have_at_least_64_channels(dim, heads):
    assert default_num_heads(dim) == heads


@pytest.mark.parametrize("heads", [0, 3, -1])
def test_heads_must_divide_the_width(heads):
    with pytest.raises(ValueError, match=f"num_heads={heads} does not divide the feature width 16"):
        MultiHeadAttention(16, heads)


def test_an_unknown_direction_lists_the_valid_ones():
    with pytest.raises(ValueError, match=r"direction='up' is unknown.*centre_query.*paper"):
        CrossSliceAttention(8, 2, "up")

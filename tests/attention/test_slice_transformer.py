"""Against PyTorch's own attention; that of the layer is what the contract of the networks tests."""

import torch
from torch.nn import functional as F

from nnunet_slice_attention.attention.slice_transformer import attend


def test_single_queries_are_answered_as_by_the_fused_kernel_and_missing_slices_weigh_nothing():
    generator = torch.Generator().manual_seed(0)
    query, key, value = (
        torch.randn(3, 2, n, d, generator=generator, dtype=torch.float64).requires_grad_()
        for n, d in ((1, 8), (5, 8), (5, 12))
    )
    exists = torch.tensor([[1, 1, 1, 1, 1], [0, 0, 1, 1, 0], [0, 0, 1, 0, 0]], dtype=torch.bool)[
        :, None, None
    ]
    expected = F.scaled_dot_product_attention(query, key, value, attn_mask=exists)
    found = attend(query, key, value, exists)
    torch.testing.assert_close(found, expected)
    gradients = [torch.autograd.grad(o.square().sum(), (query, key, value)) for o in (found, expected)]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)
    assert gradients[0][2][2, :, [0, 1, 3, 4]].abs().max() == 0


def test_half_precision_does_not_overflow_on_large_features():
    query, key = torch.full((1, 1, 1, 1024), 100.0), torch.full((1, 1, 3, 1024), 10.0)
    value = torch.arange(3.0)[None, None, :, None]
    with torch.autocast("cpu", torch.float16):
        found = attend(query, key, value, torch.ones(1, 1, 1, 3, dtype=torch.bool))
    torch.testing.assert_close(found.float(), torch.ones(1, 1, 1, 1))

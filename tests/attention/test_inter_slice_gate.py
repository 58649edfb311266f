"""SAU-Net's inter-slice attention against its formula in NumPy, slice by slice (Zhang et al. 2020, section 3.2)."""

import numpy as np
import pytest
import torch

from nnunet_slice_attention.attention.inter_slice_gate import InterSliceGate
from nnunet_slice_attention.attention.neighbours import Neighbourhood

B, S, C, H, W = 2, 6, 4, 3, 5
VALID = np.array([[1, 1, 0, 1, 1, 1], [1, 0, 1, 0, 1, 1]], bool)  # volume 1, slice 2: none at -1 and 1


def mask(convolution, features):
    """sigmoid(W F + b), the same size as F."""
    weight, bias = convolution.weight.detach().numpy()[..., 0, 0], convolution.bias.detach().numpy()
    return 1 / (1 + np.exp(-np.einsum("oc,chw->ohw", weight, features) - bias[:, None, None]))


def reference(module, stack, offsets, gain) -> np.ndarray:
    out = stack.numpy().copy()
    for b in range(B):
        for i in range(S):
            there = [(n, i + o) for n, o in enumerate(offsets) if 0 <= i + o < S and VALID[b, i + o]]
            masks = [mask(module.mask[0 if module.shared else n], stack[b, j].numpy()) for n, j in there]
            if masks:
                out[b, i] *= gain(np.mean(masks, axis=0))
    return out


@pytest.mark.parametrize("offsets", [[-1, 1], [-2, -1, 1, 2]])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(
    ("zero_start", "gain"), [(False, lambda m: 1 + m), (True, lambda m: 2 * m)], ids=["default", "zero_start"]
)
@torch.no_grad()
def test_features_are_scaled_by_the_mean_mask_of_existing_neighbours(offsets, shared, zero_start, gain):
    torch.manual_seed(0)
    module = InterSliceGate(C, offsets, shared, zero_start).double()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter)
    stack = torch.randn(B, S, C, H, W, dtype=torch.float64)
    expected = torch.from_numpy(reference(module, stack, offsets, gain))
    for centres in (range(S), range(2, 4)):
        found = module(stack, Neighbourhood(centres, torch.from_numpy(VALID)))
        # The weights of the mean, such as 1/3, are in single precision.
        torch.testing.assert_close(found, expected[:, list(centres)], rtol=0, atol=1e-6)

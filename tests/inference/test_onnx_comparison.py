"""What an exported file is compared with: every mask of missing slices, and NaN counts as a difference."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from nnunet_slice_attention.inference.onnx_export import _difference

MASKS = {"all exist": (1, 1, 1), "none before": (0, 1, 1), "none after": (1, 1, 0), "centre alone": (0, 1, 0)}


class Model:
    """Returns zeros."""

    network = SimpleNamespace(context_radius=1)

    def __call__(self, x, valid):
        return torch.zeros(1, 2, *x.shape[-2:])


class File(Model):
    """The session of an exported file, which returns `value` for one mask, and for the others zeros."""

    def __init__(self, mask, value):
        self.mask, self.value, self.ran = mask, value, []

    def run(self, outputs, inputs):
        (mask,) = inputs["valid"].astype(int).tolist()
        self.ran.append(tuple(mask))
        return [np.full((1, 2, 4, 4), self.value if tuple(mask) == self.mask else 0, np.float32)]


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("value", [float("nan"), 0.5])
def test_a_difference_in_one_mask_is_found(mask, value):
    inputs = torch.ones(1, 3, 4, 4), torch.ones(1, 3, dtype=torch.bool)
    file = File(mask, value)
    np.testing.assert_equal(_difference(file, Model(), inputs), value)
    assert sorted(file.ran) == sorted(MASKS.values())

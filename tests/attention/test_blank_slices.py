"""Which slices count as missing: blank ones, as far as nnU-Net's resampling and masks leave them blank."""

import numpy as np
import pytest
import torch
from nnunetv2.preprocessing.resampling.default_resampling import resample_data_or_seg_to_shape

from nnunet_slice_attention.attention.blank_slices import blank_slices
from nnunet_slice_attention.augmentation.slice_coherent import MISSING, FindMissingSlices


def resampled():
    """A slice of noise in a corner of a larger field, as nnU-Net's preprocessing resamples it, (1, 1, H, W)."""
    image = np.zeros((1, 1, 120, 120), np.float32)
    image[..., :20, :20] = np.random.default_rng(0).normal(size=(20, 20))
    return resample_data_or_seg_to_shape(
        image, (1, 100, 100), (1.0, 1.0, 1.0), (1.0, 1.2, 1.2), False, 3, 0, False
    )


def test_what_resampling_leaves_a_few_voxels_from_an_image_is_blank():
    field = torch.from_numpy(np.asarray(resampled())).float()[0, 0]
    far, near = field[20:60, 20:60], field[:40, :40]
    assert far.any()  # that is why a comparison with 0 is not enough
    stack = torch.stack([near, far, torch.zeros(40, 40)])[None, :, None]  # B S C H W
    assert blank_slices(stack).tolist() == [[False, True, True]]
    sample = FindMissingSlices()(image=stack[0].transpose(0, 1))
    assert sample[MISSING].tolist() == [False, True, True]


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_blank_is_relative_to_the_stack(scale):
    stack = scale * torch.rand(2, 3, 1, 4, 4)
    stack[1, 0] = 0
    assert blank_slices(stack).tolist() == [[False] * 3, [True, False, False]]


def test_all_slices_of_an_empty_stack_are_blank():
    assert blank_slices(torch.zeros(1, 2, 1, 4, 4)).all()

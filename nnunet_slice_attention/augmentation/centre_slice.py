"""Targets for a loss on the middle slice of a slab only."""

from batchgeneratorsv2.transforms.base.basic_transform import SegOnlyTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from torch import Tensor


class KeepCentreSlice(SegOnlyTransform):
    """Segmentation (1, S, H, W) -> (1, 1, H, W), for a loss on the slab's middle slice only; (1, H, W) is kept."""

    def _apply_to_segmentation(self, segmentation: Tensor, **params) -> Tensor:
        if segmentation.ndim == 3:
            return segmentation
        middle = segmentation.shape[1] // 2
        return segmentation[:, middle : middle + 1]


def keep_centre_slice(pipeline: ComposeTransforms) -> ComposeTransforms:
    """nnU-Net's validation pipeline for a loss on the slab's middle slice only, with or without deep supervision."""
    return ComposeTransforms([KeepCentreSlice(), *pipeline.transforms])

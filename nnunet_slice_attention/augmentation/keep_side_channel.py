"""nnU-Net's training pipeline for images whose last channel has one value per slice, which no transform may change."""

import torch
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms


class KeepSideChannel(BasicTransform):
    """Apply `pipeline` to the other channels of an image (C+1, H, W) or (C+1, S, H, W).

    The side channel is constant over a slice, also where the loader pads the image in plane with 0.
    """

    def __init__(self, pipeline: ComposeTransforms):
        super().__init__()
        self.pipeline = pipeline

    def apply(self, data_dict: dict, **params) -> dict:
        image = data_dict["image"]
        values = image[-1:].amax(dim=(-1, -2), keepdim=True)
        transformed = self.pipeline(**data_dict | {"image": image[:-1]})
        image = transformed["image"]
        return transformed | {"image": torch.cat([image, values.expand(1, *image.shape[1:])])}


def keep_side_channel(pipeline: ComposeTransforms) -> ComposeTransforms:
    return ComposeTransforms([KeepSideChannel(pipeline)])

"""From an image to nnU-Net's preprocessed grid, and maps on that grid back to the image's."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from acvl_utils.cropping_and_padding.bounding_boxes import insert_crop_into_image
from nnunetv2.inference.export_prediction import convert_predicted_logits_to_segmentation_with_correct_shape
from torch import Tensor

from .predictor import SlabPredictor


def preprocessed(predictor: SlabPredictor, images: Sequence[Path]) -> tuple[Tensor, dict]:
    """The channels of a case as nnU-Net's network sees them, (C, S, H, W), and the reader's properties."""
    plans, configuration = predictor.plans_manager, predictor.configuration_manager
    preprocessor = configuration.preprocessor_class(verbose=False)
    volume, _, properties = preprocessor.run_case(
        [str(path) for path in images], None, plans, configuration, predictor.dataset_json
    )
    return torch.from_numpy(np.asarray(volume)), properties


def on_image(predictor: SlabPredictor, maps: Tensor, properties: dict) -> np.ndarray:
    """Maps (n, S, H, W) in [0, 1] of a preprocessed volume -> (n, z, y, x), 0 where nnU-Net crops the image."""
    _, maps = convert_predicted_logits_to_segmentation_with_correct_shape(
        maps,
        predictor.plans_manager,
        predictor.configuration_manager,
        _MapsAsProbabilities(),
        properties,
        return_probabilities=True,
    )
    return maps.clip(0, 1)


class _MapsAsProbabilities:
    """In place of a label manager: nnU-Net's export brings maps onto the image's grid as it does probabilities."""

    foreground_labels = ()

    def apply_inference_nonlin(self, maps):
        return torch.as_tensor(maps)

    def convert_probabilities_to_segmentation(self, maps: Tensor) -> Tensor:
        return torch.zeros(maps.shape[1:])

    def revert_cropping_on_probabilities(self, maps: Tensor, bbox, shape: Sequence[int]) -> Tensor:
        return insert_crop_into_image(torch.zeros((len(maps), *shape)), maps, bbox)

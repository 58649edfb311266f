"""A predictor of a network that has no plans."""

import torch

from nnunet_slice_attention.inference.predictor import SlabPredictor
from tests.networks.configurations import PATCH

K = 3  # heads of the networks that `build` makes


class Plan:
    patch_size = (4, *PATCH)


class Plans:
    plans = {}


class Labels:
    num_segmentation_heads = K


def predictor(network, mirror_axes=(1, 2), **options):
    made = SlabPredictor(device=torch.device("cpu"), allow_tqdm=False, **options)
    made.manual_initialization(network, Plans, Plan, None, {}, "", mirror_axes)
    made.label_manager = Labels
    return made

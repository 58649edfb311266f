"""The networks that the contract is tested on: each with its defaults, and with options that change its structure."""

from unittest.mock import patch

import pytest
import torch

from nnunet_slice_attention.networks import (
    DETECTORS,
    EVERY_SLICE,
    NETWORKS,
    SlabLearning,
    create_network,
    r50_vit,
)

FEATURES = (16, 16, 32, 32)
FEW_STAGES = (16, 16, 32)  # compiled and exported in three quarters of the time
HALF_R50 = tuple(width // 2 for width in r50_vit.WIDTHS)  # a quarter of the time
PATCH = (32, 48)
MILLIMETRES = ("TSFMUNet", {"millimetres": True})
OPTIONS = [
    ("SliceAttention", {}),
    ("SliceAttention", {"finest_stage": 0, "context_radius": 2}),
    ("SliceAttention", {"finest_stage": 2, "finer_skips": "mixing"}),
    ("SliceAttention", {"finest_stage": 4, "finer_skips": "mixing", "slices_per_image": 3}),
    ("SliceAttention", {"repeat_centre": True}),
    ("CSANet", {"num_heads": 4, "vit_depth": 2}),
    ("CSANet", {"num_heads": 4, "vit_depth": 1, "direction": "paper"}),
    ("CSANet", {"num_heads": 4, "vit_depth": 1, "context_radius": 2}),
    ("CSANet", {"num_heads": 4, "vit_depth": 1, "in_slice": False}),
    ("CSANet", {"num_heads": 4, "vit_depth": 1, "cross_slice": False}),
    ("CSANet", {"num_heads": 4, "vit_depth": 1, "repeat_centre": True}),
    ("CSANet", {"num_heads": 4, "vit_depth": 1, "r50_vit": True, "vit_width": 64}),
    ("SAUNet", {}),
    ("SAUNet", {"shared": False, "context_radius": 2}),
    ("SAUNet", {"identity": True}),
    ("SAUNet", {"repeat_centre": True}),
    ("TSFMUNet", {}),
    ("TSFMUNet", {"mode": "local", "context_radius": 3}),
    ("TSFMUNet", {"repeat_centre": True}),
    MILLIMETRES,
    ("VAUNet", {}),
    ("VAUNet", {"spatial": False, "multiplicative": True}),
    ("VAUNet", {"channel": False, "context_radius": 2}),
    ("VAUNet", {"slices_per_image": 3}),
    ("VAUNet", {"repeat_centre": True}),
    ("CSANet", {"num_heads": 4, "vit_depth": 1, "identity": True}),
    ("TSFMUNet", {"identity": True}),
    ("VAUNet", {"identity": True}),
    ("EarlyFusion", {}),
    ("EarlyFusion", {"repeat_centre": True}),
    ("AxialConv", {"repeat_centre": True}),
    ("AxialConv", {"context_radius": 2}),
    ("LSTMUNet", {}),
    ("LSTMUNet", {"context_radius": 1, "repeat_centre": True}),
    ("LSTMUNet", {"identity": True}),
    ("SliceUNet", {}),
    ("CSANet", {"num_heads": 4, "vit_depth": 1, "zero_start": True}),
    ("SAUNet", {"zero_start": True, "dense": False}),
    ("TSFMUNet", {"zero_start": True}),
    ("VAUNet", {"zero_start": True}),
    ("EarlyFusion", {"zero_start": True}),
    ("AxialConv", {"zero_start": True}),
    ("LSTMUNet", {"zero_start": True}),
]
# Apart from the contract: without positions a network takes a slab for a whole volume, so each slice affects all.
POSITION_OPTIONS = [(name, {"position": True}) for name in ("SliceAttention", "EarlyFusion", "SliceUNet")]
DETECTOR_OPTIONS = [
    ("VAMaskRCNN", {"resnet": 18, "slices_per_image": 1}),
    ("VAMaskRCNN", {"resnet": 18, "slices_per_image": 1, "location": "rcnn"}),
]
UNETS = sorted(set(NETWORKS) - {cls.__name__ for cls in DETECTORS})
DEFAULTS = [("CSANet", {"num_heads": 4, "vit_depth": 1})] + [(n, {}) for n in UNETS if n != "CSANet"]


def each(options):
    """Runs a test for each of these networks."""
    ids = [f"{n}-{'-'.join(f'{k}={v}' for k, v in o.items())}" for n, o in options]
    return pytest.mark.parametrize(("name", "options"), options, ids=ids)


every_unet = each(OPTIONS)
every_network = each(OPTIONS + DETECTOR_OPTIONS)  # in evaluation: in training a detector returns no logits
every_default = pytest.mark.parametrize(("name", "options"), DEFAULTS, ids=[name for name, _ in DEFAULTS])


def build(
    name,
    options,
    in_channels=1,
    deep_supervision=False,
    double=True,
    learning=EVERY_SLICE,
    r50_widths=HALF_R50,
    features=FEATURES,
):
    torch.manual_seed(0)
    with patch.object(r50_vit, "WIDTHS", r50_widths):
        network = create_network(
            name, in_channels, 3, PATCH, features, deep_supervision, learning=learning, **options
        )
    randomise_zero_starts(network)
    if isinstance(network, DETECTORS):
        keep_few_regions(network)
    return network.double() if double else network


def keep_few_regions(detector):
    """An untrained detector finds hundreds of instances per slice, which takes seconds."""
    detector.decoder.roi_heads.detections_per_img = 5
    detector.decoder.rpn._post_nms_top_n = {"training": 20, "testing": 20}


def randomise_zero_starts(network):
    """Randomise zero-initialised weights, so that they do not hide faults."""
    for parameter in network.parameters():
        if parameter.ndim > 1:
            with torch.no_grad():
                parameter.add_((parameter == 0) * torch.randn_like(parameter) * 0.2)


CONTEXT = SlabLearning(centre_only=True, context_grad=False)  # the default slabs of all trainers


def slab(in_channels=1, depth=5, size=PATCH, batch=1):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(batch, in_channels, depth, *size, generator=generator, dtype=torch.float64)

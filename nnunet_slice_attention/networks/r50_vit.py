"""The ResNet of the R50-ViT-B/16 hybrid (Dosovitskiy et al. 2021, section 3.1) as the encoder of a U-Net.

CSA-Net and TransUNet start from its ImageNet weights. The layers are timm's, so timm's weights load, see
`timm_weights`. The planned stages do not apply; the planned norm and activation are kept in the decoder and in one
block at full resolution, which the hybrid lacks and nnU-Net's finest head needs.
"""

from functools import partial

from dynamic_network_architectures.architectures.unet import PlainConvUNet
from torch import Tensor, nn

from .topology import UNetTopology

LAYERS = (3, 4, 9)  # bottleneck blocks of the three stages
WIDTHS = (64, 256, 512, 1024)  # channels at strides 2 (stem), 4, 8 and 16
VIT_WIDTH = 768  # with 12 blocks of 12 heads
STYLE = ("conv_op", "conv_bias", "norm_op", "norm_op_kwargs", "nonlin", "nonlin_kwargs")


class R50Topology(UNetTopology):
    """A U-Net whose encoder is ResNet-50 up to stride 16."""

    @classmethod
    def from_topology(cls, plan: UNetTopology) -> "R50Topology":
        """Full-resolution width, norm and activation as in `plan`."""
        n_stages = len(WIDTHS) + 1
        kwargs = {
            **{key: plan.kwargs[key] for key in STYLE},
            "n_stages": n_stages,
            "features_per_stage": [plan.features[0], *WIDTHS],
            "kernel_sizes": [[3, 3]] * n_stages,
            "strides": [[1, 1]] + [[2, 2]] * len(WIDTHS),
            "n_conv_per_stage": [1] * n_stages,
            "n_conv_per_stage_decoder": [2] * len(WIDTHS),
        }
        return cls(PlainConvUNet, kwargs)

    def build(
        self, in_channels: int, num_classes: int, deep_supervision: bool
    ) -> tuple[nn.Module, nn.Module]:
        plain, decoder = super().build(in_channels, num_classes, deep_supervision)
        return R50Encoder(in_channels, plain), decoder


class R50Encoder(nn.Module):
    """(N, C, H, W) -> features at strides 1, 2, 4, 8, 16; H and W are multiples of 16.

    Args:
        in_channels: image channels C.
        plain: an encoder of the same widths; its full-resolution stage and block style are used.
    """

    def __init__(self, in_channels: int, plain: nn.Module):
        from timm.layers import StdConv2dSame  # half a second: imports all models of timm
        from timm.models.resnetv2 import ResNetV2

        super().__init__()
        for key in STYLE:
            setattr(self, key, getattr(plain, key))
        self.full_resolution = plain.stages[0]
        self.backbone = ResNetV2(
            LAYERS,
            channels=WIDTHS[1:],
            stem_chs=WIDTHS[0],
            num_classes=0,
            global_pool="",
            in_chans=in_channels,
            preact=False,
            stem_type="same",
            conv_layer=partial(StdConv2dSame, eps=1e-8),
        )
        # Bottlenecks start near the identity: otherwise, from scratch, half precision is off by a third at stride 16.
        for stage in self.backbone.stages:
            for block in stage.blocks:
                nn.init.constant_(block.norm3.weight, 0.1)

    def forward(self, x: Tensor) -> list[Tensor]:
        stem = self.backbone.stem
        at_stride_2 = stem.norm(stem.conv(x))
        skips = [self.full_resolution(x), at_stride_2]
        features = stem.pool(at_stride_2)
        for stage in self.backbone.stages:
            features = stage(features)
            skips.append(features)
        return skips

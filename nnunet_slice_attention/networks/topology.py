"""The planned U-Net, built from dynamic-network-architectures' own encoder and decoder."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pydoc import locate
from typing import Any

from dynamic_network_architectures.architectures import unet as unets
from dynamic_network_architectures.architectures.unet import PlainConvUNet
from torch import nn

from .blocks import register_once
from .padding import check_pools

SMALLEST_FEATURE_MAP = 4  # voxels per axis, nnU-Net's own limit for pooling
PER_STAGE = ("features_per_stage", "kernel_sizes", "strides", "n_conv_per_stage", "n_blocks_per_stage")


def with_stages(kwargs: Mapping[str, Any], n_stages: int) -> dict[str, Any]:
    """Constructor arguments of a U-Net reduced to its `n_stages` finest encoder stages."""
    per_stage = {key: list(kwargs[key])[:n_stages] for key in PER_STAGE if key in kwargs}
    decoder = list(kwargs["n_conv_per_stage_decoder"])[-(n_stages - 1) :]
    return {**kwargs, **per_stage, "n_conv_per_stage_decoder": decoder, "n_stages": n_stages}


def find_unet_class(name: str) -> type[nn.Module]:
    """The class named in plans, e.g. "dynamic_network_architectures.architectures.unet.PlainConvUNet".

    Like nnU-Net's own lookup it finds classes that have since moved to another module, as `ResidualEncoderUNet` has.

    Raises:
        ValueError: there is no such class.
    """
    found = locate(name) or getattr(unets, name.rpartition(".")[2], None)
    if found is None:
        raise ValueError(
            f"the plans name the architecture {name!r}, which is not installed. Install the package that provides it, "
            "or use nnU-Net's own plans: nnUNetv2_plan_experiment."
        )
    return found


@dataclass(frozen=True)
class UNetTopology:
    """A 2D U-Net without its weights.

    Attributes:
        unet_class: `PlainConvUNet` or `ResidualEncoderUNet`.
        kwargs: its constructor arguments with classes resolved, without channels, classes and deep supervision.
    """

    unet_class: type[nn.Module]
    kwargs: Mapping[str, Any]

    @classmethod
    def from_plans(
        cls, class_name: str, kwargs: Mapping[str, Any], requires_import: Sequence[str]
    ) -> "UNetTopology":
        """From the `architecture` entry of an nnU-Net configuration, where classes are dotted names.

        Raises:
            ValueError: the class does not exist.
        """
        resolved = {k: locate(v) if k in requires_import and v is not None else v for k, v in kwargs.items()}
        return cls(find_unet_class(class_name), resolved)

    @classmethod
    def for_patch(
        cls, patch_size: Sequence[int], features_per_stage: Sequence[int] | None = None
    ) -> "UNetTopology":
        """nnU-Net's default plain U-Net for an in-plane patch (H, W), in voxels.

        Each axis is halved while at least 4 voxels remain. `features_per_stage` defaults to 32, 64, ... 512.

        Raises:
            ValueError: the patch cannot be pooled as often as `features_per_stage` requires.
        """
        sizes, strides = list(patch_size), [[1, 1]]
        while any(s >= 2 * SMALLEST_FEATURE_MAP for s in sizes):
            strides.append([2 if s >= 2 * SMALLEST_FEATURE_MAP else 1 for s in sizes])
            sizes = [math.ceil(s / k) for s, k in zip(sizes, strides[-1], strict=True)]
        features = list(features_per_stage or [min(512, 32 * 2**i) for i in range(len(strides))])
        n_stages = len(features)
        if not 2 <= n_stages <= len(strides):
            raise ValueError(
                f"patch_size={tuple(patch_size)} allows 2 to {len(strides)} stages, but features_per_stage={features} "
                f"has {n_stages}. Use a larger patch or fewer stages."
            )
        kwargs = {
            "n_stages": n_stages,
            "features_per_stage": features,
            "conv_op": nn.Conv2d,
            "kernel_sizes": [[3, 3]] * n_stages,
            "strides": strides[:n_stages],
            "n_conv_per_stage": [2] * n_stages,
            "n_conv_per_stage_decoder": [2] * (n_stages - 1),
            "conv_bias": True,
            "norm_op": nn.InstanceNorm2d,
            "norm_op_kwargs": {"eps": 1e-5, "affine": True},
            "nonlin": nn.LeakyReLU,
            "nonlin_kwargs": {"inplace": True},
        }
        return cls(PlainConvUNet, kwargs)

    @property
    def features(self) -> list[int]:
        """Channels of each encoder stage, finest first."""
        return list(self.kwargs["features_per_stage"])

    @property
    def total_strides(self) -> list[tuple[int, int]]:
        """(vertical, horizontal) downsampling of each encoder stage relative to the input."""
        totals, y, x = [], 1, 1
        for stride_y, stride_x in self.kwargs["strides"]:
            y, x = y * stride_y, x * stride_x
            totals.append((y, x))
        return totals

    def stage_nearest(self, stride: int) -> int:
        """Index of the encoder stage whose downsampling is closest to `stride`, on a log scale; never the finest."""

        def distance(total: tuple[int, int]) -> float:
            return abs(math.log2(math.sqrt(total[0] * total[1]) / stride))

        totals = self.total_strides
        return max(1, min(range(len(totals)), key=lambda i: distance(totals[i])))

    def check_patch(self, patch_size: Sequence[int]) -> None:
        """Raise ValueError if the coarsest feature map of a patch (H, W) would be a single pixel."""
        step = "Use a larger patch or plans with fewer stages."
        check_pools(patch_size, self.total_strides[-1], "patch_size=", step)

    def build(
        self, in_channels: int, num_classes: int, deep_supervision: bool
    ) -> tuple[nn.Module, nn.Module]:
        """(encoder, decoder), initialised as nnU-Net does."""
        unet = self.unet_class(
            input_channels=in_channels,
            num_classes=num_classes,
            deep_supervision=deep_supervision,
            **self.kwargs,
        )
        unet.apply(unet.initialize)
        # The decoder's reference to the encoder would register every encoder weight twice.
        del unet.decoder.encoder
        register_once(unet)
        return unet.encoder, unet.decoder

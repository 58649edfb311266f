"""The networks: one per file, plain PyTorch, usable without nnU-Net.

>>> from nnunet_slice_attention.networks import create_network
>>> network = create_network("CSANet", in_channels=1, num_classes=4, patch_size=(256, 224))
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from einops import rearrange

from .axial_conv import AxialConv
from .csa_net import CSANet
from .early_fusion import EarlyFusion
from .lstm_unet import LSTMUNet
from .sau_net import SAUNet
from .slab_learning import EVERY_SLICE, SlabLearning
from .slab_network import SlabNetwork
from .slice_attention import SliceAttention
from .slice_unet import SliceUNet
from .topology import UNetTopology
from .tsfm_unet import TSFMUNet
from .va_mask_rcnn import VAMaskRCNN
from .va_unet import VAUNet

ATTENTION_NETWORKS = (SliceAttention, CSANet, SAUNet, TSFMUNet, VAUNet)
CONTROLS = (EarlyFusion, AxialConv, LSTMUNet, SliceUNet)
DETECTORS = (VAMaskRCNN,)  # not U-Nets; in training they return what their `losses` takes
NETWORKS: dict[str, type[SlabNetwork]] = {
    cls.__name__: cls for cls in (*ATTENTION_NETWORKS, *CONTROLS, *DETECTORS)
}

# einops caches each tensor type on first use. torch.compile guards on that cache: a new entry triggers a recompile.
for example in (torch.zeros(1), torch.nn.Parameter(torch.zeros(1))):
    rearrange(example, "n -> n")

__all__ = [
    "DETECTORS",
    "EVERY_SLICE",
    "NETWORKS",
    "SlabLearning",
    "SlabNetwork",
    "UNetTopology",
    "create_network",
]


def create_network(
    name: str,
    in_channels: int = 1,
    num_classes: int = 2,
    patch_size: Sequence[int] = (256, 256),
    features_per_stage: Sequence[int] | None = None,
    deep_supervision: bool = False,
    topology: UNetTopology | None = None,
    **options: Any,
) -> SlabNetwork:
    """Build a network by name.

    Args:
        name: a key of `NETWORKS`.
        in_channels: image channels of one slice.
        num_classes: output channels, including background unless regions are trained.
        patch_size: in-plane (H, W) in voxels.
        features_per_stage: encoder widths of the default topology; default 32, 64, ... 512.
        deep_supervision: return a list of logits, finest first.
        topology: a U-Net from nnU-Net plans; default nnU-Net's plain U-Net for the patch.
        options: options of the network, e.g. `num_heads=8, context_radius=2`.

    Returns:
        a module that takes a stack (B, C, S, H, W) and returns logits (B, K, S, H, W), or a slice with its R neighbours
            on each side, (B, (2R+1)*C, H, W), slice-major, and returns (B, K, H, W). H and W may differ from the patch;
            at one of them more than one total stride of the encoder is needed.

    Raises:
        ValueError: unknown name, a patch too small to pool, or an option out of range.
        TypeError: the network has no such option.
    """
    if name not in NETWORKS:
        raise ValueError(f"network {name!r} is unknown. Available: {', '.join(sorted(NETWORKS))}.")
    topology = topology or UNetTopology.for_patch(patch_size, features_per_stage)
    build: Callable[..., SlabNetwork] = NETWORKS[name]
    return build(in_channels, num_classes, topology, patch_size, deep_supervision, **options)

"""SAU-Net (Zhang et al., MIDL 2020, PMLR 121:903-913), an adaptation to nnU-Net.

Dense U-Net on each slice, then the inter-slice attention module on the last decoder features, then the head.

Deviations from the paper, and why:
- Widths, depth and the number of convolutions, which the paper does not give, are the planned ones; the growth rate of
  a dense block is the largest multiple of 8 with which it has no more weights than the stage it replaces.
- Instance norm and leaky ReLU instead of batch norm and ReLU: nnU-Net's batches are small.
- The mean over the neighbours instead of the sum, see `attention/inter_slice_gate.py`.
- nnU-Net's loss with deep supervision; only the finest head sees the neighbours.
"""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from torch import Tensor, nn

from ..attention.inter_slice_gate import InterSliceGate
from ..attention.neighbours import Neighbourhood, offsets_within
from .dense_blocks import make_dense
from .slab_network import Logits, SlabNetwork
from .topology import UNetTopology


class SAUNet(SlabNetwork):
    """SAU-Net on slabs.

    Args:
        in_channels, num_classes, topology, deep_supervision, repeat_centre: see `SlabNetwork`.
        patch_size: (H, W) in voxels; checked to be large enough to pool.
        base_options: further arguments of `SlabNetwork`: `learning`, `has_background`, `copies_learn`.
        context_radius: neighbours on each side.
        identity: omit the module (the paper's ablation).
        shared: one mask convolution for all neighbours; otherwise one per offset.
        zero_start: see `SlabNetwork`.
        dense: the paper's dense blocks; False keeps the planned U-Net.
    """

    plain_unet_options = MappingProxyType({"dense": False})
    two_d_modules = (*SlabNetwork.two_d_modules, "head")

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        topology: UNetTopology,
        patch_size: Sequence[int],
        deep_supervision: bool = False,
        context_radius: int = 1,
        identity: bool = False,
        shared: bool = True,
        repeat_centre: bool = False,
        zero_start: bool = False,
        dense: bool = True,
        **base_options: Any,
    ):
        topology.check_patch(patch_size)
        radius = 0 if identity else context_radius
        super().__init__(
            in_channels,
            num_classes,
            topology,
            deep_supervision,
            radius,
            repeat_centre=repeat_centre,
            zero_start=zero_start,
            **base_options,
        )
        if dense:
            make_dense(self.encoder, self.decoder, topology.kwargs)
        offsets = offsets_within(radius)
        self.gate = InterSliceGate(topology.features[0], offsets, shared, zero_start) if radius else None
        # The module is between the decoder's last features and its finest head, so that head moves out of the decoder.
        head, self.decoder.seg_layers[-1] = self.decoder.seg_layers[-1], nn.Identity()
        # Named like the decoder's heads, which nnU-Net's -pretrained_weights leaves as they are.
        self.head = nn.ModuleDict({"seg_layers": nn.ModuleList([head])})

    def name_in_2d(self, weight: str) -> str:
        return weight.replace("head.seg_layers.0.", f"decoder.seg_layers.{len(self.decoder.seg_layers) - 1}.")

    def fuse(self, skips: list[Tensor], around: Neighbourhood) -> list[Tensor]:
        return skips if self.gate is not None else super().fuse(skips, around)

    def finish(self, decoded: Logits, around: Neighbourhood) -> Logits:
        features, *coarse = decoded if isinstance(decoded, (list, tuple)) else [decoded]
        if self.gate is not None and not self.two_dimensional:
            features, coarse = self.gate(features, around), [around.centre(logits) for logits in coarse]
        head = self.head["seg_layers"][0]
        finest = head(features.flatten(0, 1)).unflatten(0, features.shape[:2])
        return [finest, *coarse] if isinstance(decoded, (list, tuple)) else finest

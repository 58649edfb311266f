"""LSTMUNet, the recurrent baseline of TSFMUNet (Guo & Terzopoulos, ICPR 2020), an adaptation to nnU-Net.

Shared encoder -> bidirectional convolutional LSTM over the slices at the bottleneck -> decoder with each slice's own
skips.

Deviations and readings (the poster gives the results alone):
- Level and place in the network: those of TSFMUNet, so that the two differ by the mechanism only.
- Recurrence is cut off `context_radius` slices away: the state starts at 0 there for every slice. An LSTM over a whole
  stack has no limit but the stack; its result would depend on which stack a slice is predicted in.
- Residual, with group norm inside a slice, as in the transformer. Slices outside the volume are skipped.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ..attention.conv_lstm import BidirectionalConvLSTM
from ..attention.neighbours import Neighbourhood
from .slab_network import SlabNetwork
from .topology import UNetTopology


class LSTMUNet(SlabNetwork):
    """LSTMUNet on slabs.

    Args:
        in_channels, num_classes, topology, deep_supervision, repeat_centre, zero_start: see `SlabNetwork`.
        patch_size: (H, W) in voxels, to check that it can be pooled.
        base_options: further arguments of `SlabNetwork`: `learning`, `has_background`, `copies_learn`.
        context_radius: neighbours on each side.
        identity: leave the LSTM out.
    """

    default_context_radius = 2

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        topology: UNetTopology,
        patch_size: Sequence[int],
        deep_supervision: bool = False,
        context_radius: int = 2,
        identity: bool = False,
        repeat_centre: bool = False,
        zero_start: bool = False,
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
        self.lstm = BidirectionalConvLSTM(topology.features[-1], radius, zero_start) if radius else None

    def fuse(self, skips: list[Tensor], around: Neighbourhood) -> list[Tensor]:
        if self.lstm is None:
            return super().fuse(skips, around)
        *fine, deepest = skips
        return [*(around.centre(skip) for skip in fine), self.lstm(deepest, around)]

"""Inter-slice attention module of SAU-Net (Zhang et al., MIDL 2020, PMLR 121:903-913, section 3.2, figures 2 and 3).

A neighbour's features are turned into a mask that scales the centre's features: the module re-weights and adds nothing.
It must act on features, not on logits: a positive factor on the logit of a binary segmentation moves no boundary.
"""

import torch
from einops import rearrange
from torch import Tensor, nn

from .neighbours import Neighbourhood


class InterSliceGate(nn.Module):
    """F_i * (1 + mean_j sigmoid(W F_j + b)) over the neighbours j that exist: (B, S, C, h, w) -> (B, T, C, h, w).

    The paper sums F_i * M_j + F_i over the neighbours and halves the sum at the border. The mean is the same up to a
    constant factor and keeps border slices at the scale of the others. Without neighbours: F_i.

    Args:
        dim: channels C.
        offsets: signed distances of the neighbours, in slices.
        shared: one 1x1 convolution for all offsets; otherwise one per offset.
        zero_start: F_i * mean_j 2 sigmoid(W F_j + b), with W and b initialised to zero: starts as the identity.
    """

    def __init__(self, dim: int, offsets: list[int], shared: bool = True, zero_start: bool = False):
        super().__init__()
        self.offsets = offsets
        self.shared = shared
        self.mask = nn.ModuleList(nn.Conv2d(dim, dim, 1) for _ in (offsets[:1] if shared else offsets))
        self.zero_start = zero_start
        for mask in self.mask if zero_start else ():
            nn.init.zeros_(mask.weight)
            nn.init.zeros_(mask.bias)

    def forward(self, x: Tensor, around: Neighbourhood) -> Tensor:
        weights = around.averaging_weights(self.offsets).to(x.dtype)
        if self.shared:
            weights = weights.sum(dim=0, keepdim=True)
        slices = rearrange(x, "b s c h w -> (b s) c h w")
        gain = torch.ones((), dtype=x.dtype, device=x.device)
        for mask, offset_weights in zip(self.mask, weights, strict=True):
            gate = torch.sigmoid(mask(slices))
            masks = rearrange(
                2 * gate - 1 if self.zero_start else gate, "(b s) c h w -> b s (c h w)", b=len(x)
            )
            gain = torch.baddbmm(gain.to(masks.dtype), offset_weights.to(masks.dtype), masks)
        centre = around.centre(x)
        return centre * gain.view_as(centre)

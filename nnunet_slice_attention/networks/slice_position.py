"""Where a slice is in its volume, as a condition on the features of every stage.

A slice alone, or with few neighbours, does not show how far along the organ it is, which decides classes that follow
each other along the slices. The position is relative: (index + 1/2) / number of slices. A small network turns it into a
scale and a shift per channel (feature-wise linear modulation, Perez et al., AAAI 2018), which start at 1 and 0: norms
would remove a constant input channel. The position travels as the side channel, see `side_channel.py`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .side_channel import side_values

FREQUENCIES = 4
HIDDEN = 32


def relative_positions(valid: Tensor) -> Tensor:
    """(B, S) bool -> (B, S): relative to the first and last slice that exists, 0 outside of them or if none exists."""
    index = torch.arange(valid.shape[1], device=valid.device)
    first = torch.where(valid, index, valid.shape[1]).amin(dim=1, keepdim=True)
    last = torch.where(valid, index, -1).amax(dim=1, keepdim=True)
    inside = (index >= first) & (index <= last)
    return torch.where(inside, (index - first + 0.5) / (last - first + 1).clamp(min=1), 0.0)


class SlicePosition(nn.Module):
    """Modulates each stage's features by the slices' positions.

    Args:
        features: channels of each stage, finest first.
    """

    def __init__(self, features: Sequence[int]):
        super().__init__()
        self.sizes = [2 * n for n in features]
        self.codes = nn.Sequential(
            nn.Linear(1 + 2 * FREQUENCIES, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, sum(self.sizes))
        )
        nn.init.zeros_(self.codes[-1].weight)
        nn.init.zeros_(self.codes[-1].bias)

    def forward(self, skips: list[Tensor], slices: Tensor) -> list[Tensor]:
        """Modulated features, of the same shapes.

        Args:
            skips: features (B, T, C_l, h_l, w_l) per stage, finest first.
            slices: the same T slices with their positions, (B, T, C + 1, H, W).
        """
        position = side_values(slices)[..., None]
        angles = torch.pi * position * torch.arange(1, FREQUENCIES + 1, device=position.device)
        codes = self.codes(torch.cat([2 * position - 1, angles.sin(), angles.cos()], dim=-1))
        modulated = []
        for skip, code in zip(skips, codes[..., None, None].split(self.sizes, dim=2), strict=True):
            scale, shift = code.to(skip.dtype).chunk(2, dim=2)
            modulated.append(skip * (1 + scale) + shift)
        return modulated

"""Learned 2D position embedding (Dosovitskiy et al. 2021, appendix D.4)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class LearnedPosition(nn.Module):
    """One vector per location of a grid, resized bilinearly for feature maps of another size.

    Args:
        dim: channels.
        grid: (h, w) the positions are learned on.
        std: of the initial normal distribution, which is truncated at -2 and 2: 0.5 gives an SD of 0.5, 1.5 of 1.02,
            2 of 1.08.
    """

    def __init__(self, dim: int, grid: tuple[int, int], std: float):
        super().__init__()
        self.embedding = nn.Parameter(torch.empty(1, dim, *grid))
        nn.init.trunc_normal_(self.embedding, std=std)

    def forward(self, height: int, width: int) -> Tensor:
        """(1, dim, height, width)."""
        if self.embedding.shape[-2:] == (height, width):
            return self.embedding
        return F.interpolate(self.embedding, (height, width), mode="bilinear", align_corners=False)

"""A learned gain per channel on a residual branch (CaiT, Touvron et al. 2021, eq. 4)."""

import torch
from torch import Tensor, nn


class LayerScale(nn.Module):
    """x (..., d) -> gamma * x. `init` must not be 0: a branch that starts at 0 can stay dead."""

    def __init__(self, dim: int, init: float = 0.1):
        super().__init__()
        self.gamma = nn.Parameter(torch.full((dim,), init))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gamma

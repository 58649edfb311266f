"""Cross-slice and in-slice attention of CSA-Net (arXiv 2405.00130, sections on the CSA and ISA modules).

Both relate every location of the centre slice to every location of a slice: a neighbour (CSA) or itself (ISA).

Deviations from the paper's text, each needed for the neighbours to be used at all:
- A residual around each module. Without it the published wiring, which starts at zero, never receives a gradient.
- The branch is normalised over the slice and starts with gain 1. The published code normalises too, with gain 0.
  Unnormalised, the attended features are an average over tokens, small against the centre's own, and SGD leaves
  them unused for as long as we measured.
- Positions in queries and keys, and dot products scaled by 1/sqrt(d_h).
"""

from typing import Literal

from einops import rearrange
from torch import Tensor, nn

from .multi_head import MultiHeadAttention

Direction = Literal["centre_query", "paper"]
DIRECTIONS: tuple[Direction, ...] = ("centre_query", "paper")
# What positions start with (`LearnedPosition` says what SD it gives); contents have an SD of about 0.7. To find the
# same place in another slice, places must differ more than contents do. In the paper's direction a neighbour speaks
# through the weights only: contents decide.
POSITION_STD: dict[Direction, float] = {"centre_query": 1.5, "paper": 0.5}


class CrossSliceAttention(nn.Module):
    """Centre slice, one neighbour, position: (N, d, h, w), (N, d, h, w), (1, d, h, w) -> (N, d, h, w).

    Positions are added to queries and keys, not to values.

    Args:
        dim: feature width d.
        num_heads: heads; must divide `dim`.
        direction: "centre_query": the centre asks, keys and values come from the neighbour, so the neighbour's
            content is carried onto the centre's grid. "paper": the neighbour asks, keys and values come from the
            centre, so the neighbour decides where centre features are read.

    Raises:
        ValueError: unknown direction, or `num_heads` does not divide `dim`.
    """

    def __init__(self, dim: int, num_heads: int, direction: Direction = "centre_query"):
        super().__init__()
        if direction not in DIRECTIONS:
            raise ValueError(f"direction={direction!r} is unknown. Choose one of {DIRECTIONS}.")
        self.direction = direction
        self.attention = MultiHeadAttention(dim, num_heads)
        self.norm = nn.InstanceNorm2d(dim, affine=True)

    def forward(self, centre: Tensor, neighbour: Tensor, position: Tensor) -> Tensor:
        c, o, p = (rearrange(t, "n d h w -> n (h w) d") for t in (centre, neighbour, position))
        asks, answers = (o, c) if self.direction == "paper" else (c, o)
        attended = self.attention(asks + p, answers + p, answers)
        return centre + self.norm(rearrange(attended, "n (h w) d -> n d h w", h=centre.shape[-2]))


class InSliceAttention(CrossSliceAttention):
    """Self-attention within the centre slice: (N, d, h, w) -> (N, d, h, w)."""

    def __init__(self, dim: int, num_heads: int):
        super().__init__(dim, num_heads)

    def forward(self, centre: Tensor, position: Tensor) -> Tensor:
        return super().forward(centre, centre, position)

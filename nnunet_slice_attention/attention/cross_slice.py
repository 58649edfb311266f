"""Cross-slice and in-slice attention of CSA-Net (arXiv 2405.00130, sections on the CSA and ISA modules).

Both relate every location of the centre slice to every location of a slice: a neighbour (CSA) or itself (ISA).

Deviations from the paper, each needed for the neighbours to be used at all:
- A residual connection around each module. Without it the published branch, which is zero-initialised, never receives a
  gradient.
- The branch is normalised over the slice and its gain starts at 1. The published code normalises too, with gain 0.
  Without the norm the attended features, an average over tokens, are small compared with the centre's own, and SGD
  left them unused for as long as we trained.
- Positions in queries and keys, and dot products scaled by 1/sqrt(d_h).
"""

from typing import Literal, get_args

from einops import rearrange
from torch import Tensor, nn

from .multi_head import MultiHeadAttention

Direction = Literal["centre_query", "paper"]
DIRECTIONS = get_args(Direction)
# Initial SD of the position embedding before truncation (see `LearnedPosition`); features have an SD of about 0.7. To
# find the same location in another slice, positions must differ more than features do. In the paper's direction a
# neighbour acts through the attention weights only, so features must dominate.
POSITION_STD: dict[Direction, float] = {"centre_query": 1.5, "paper": 0.5}


def check_direction(direction: str) -> None:
    """Raise ValueError if it is none of `DIRECTIONS`."""
    if direction not in DIRECTIONS:
        raise ValueError(f"direction={direction!r} is unknown. Choose one of {DIRECTIONS}.")


class CrossSliceAttention(nn.Module):
    """Centre slice, one neighbour, position: (N, d, h, w), (N, d, h, w), (1, d, h, w) -> (N, d, h, w).

    Positions are added to queries and keys, not to values.

    Args:
        dim: feature width d.
        num_heads: heads; must divide `dim`.
        direction: "centre_query": queries come from the centre, keys and values from the neighbour, so the neighbour's
            features are carried onto the centre's grid. "paper": queries come from the neighbour, keys and values from
            the centre, so the neighbour decides where centre features are read.

    Raises:
        ValueError: unknown direction, or `num_heads` does not divide `dim`.
    """

    def __init__(self, dim: int, num_heads: int, direction: Direction = "centre_query"):
        super().__init__()
        check_direction(direction)
        self.direction = direction
        self.attention = MultiHeadAttention(dim, num_heads)
        self.norm = nn.InstanceNorm2d(dim, affine=True)

    def forward(self, centre: Tensor, neighbour: Tensor, position: Tensor) -> Tensor:
        attended = self.attention(*self._query_key_value(centre, neighbour, position))
        return centre + self.norm(rearrange(attended, "n (h w) d -> n d h w", h=centre.shape[-2]))

    def weights_at(
        self, centre: Tensor, neighbour: Tensor, position: Tensor, row: int, column: int
    ) -> Tensor:
        """Weights that the query at (row, column) gives to the locations of the keys: (N, h, w), sum 1, float32.

        The mean over heads. Keys are of the neighbour; in the paper's direction of the centre.
        """
        height, width = centre.shape[-2:]
        query, key, _ = self._query_key_value(centre, neighbour, position)
        token = row * width + column
        weights = self.attention.weights(query[:, token : token + 1], key)
        return rearrange(weights, "n 1 (h w) -> n h w", h=height)

    def _query_key_value(self, centre: Tensor, neighbour: Tensor, position: Tensor) -> tuple[Tensor, ...]:
        c, n, p = (rearrange(t, "n d h w -> n (h w) d") for t in (centre, neighbour, position))
        query, key_value = (n, c) if self.direction == "paper" else (c, n)
        return query + p, key_value + p, key_value


class InSliceAttention(CrossSliceAttention):
    """Self-attention within the centre slice: (N, d, h, w) -> (N, d, h, w)."""

    def __init__(self, dim: int, num_heads: int):
        super().__init__(dim, num_heads)

    def forward(self, centre: Tensor, position: Tensor) -> Tensor:
        return super().forward(centre, centre, position)

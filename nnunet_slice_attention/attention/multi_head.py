"""Multi-head scaled dot-product attention between two sets of tokens (Vaswani et al. 2017, eq. 1)."""

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

HEAD_WIDTH = 64  # channels, as in CSA-Net (16 heads of 1024) and ViT (12 of 768)


def default_num_heads(dim: int, width: int = HEAD_WIDTH) -> int:
    """As many heads as divide `dim` channels into at least `width` each, at least one: 352 channels by 64 make 4 of 88.

    Narrower heads than 64 cannot tell locations apart: random position vectors of 8 channels are too often similar.
    """
    return max(n for n in range(1, max(1, dim // width) + 1) if dim % n == 0)


def check_heads(dim: int, num_heads: int) -> None:
    """Raise ValueError, listing valid numbers, if `num_heads` does not divide `dim`."""
    if num_heads < 1 or dim % num_heads:
        fitting = [h for h in range(1, dim + 1) if dim % h == 0 and h <= 32]
        raise ValueError(
            f"num_heads={num_heads} does not divide the feature width {dim} at the attention's stage. "
            f"Choose one of {fitting}, or change features_per_stage in the plans."
        )


class MultiHeadAttention(nn.Module):
    """`softmax(Q K^T / sqrt(d_h)) V` per head, heads concatenated and projected.

    Uses PyTorch's fused kernel, whose memory is linear in the number of tokens.

    Args:
        dim: token width d.
        num_heads: must divide `dim`; each head has d_h = dim / num_heads channels.

    Raises:
        ValueError: if `num_heads` does not divide `dim`.
    """

    def __init__(self, dim: int, num_heads: int):
        super().__init__()
        check_heads(dim, num_heads)
        self.num_heads = num_heads
        # Only the query's bias would train: softmax cancels the key's, the norm after this module the others.
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim, bias=False)
        self.value = nn.Linear(dim, dim, bias=False)
        self.out = nn.Linear(dim, dim, bias=False)
        for projection in (self.query, self.key, self.value, self.out):
            nn.init.xavier_uniform_(projection.weight)
        nn.init.zeros_(self.query.bias)
        # Equal projections make tokens attend to similar tokens from the first step, instead of uniformly.
        self.key.weight.data.copy_(self.query.weight.data)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """query (N, L, d), key (N, M, d), value (N, M, d) -> (N, L, d)."""
        q, k, v = map(self._by_head, (self.query(query), self.key(key), self.value(value)))
        attended = F.scaled_dot_product_attention(q, k, v)
        return self.out(rearrange(attended, "n heads l d -> n l (heads d)"))

    def weights(self, query: Tensor, key: Tensor) -> Tensor:
        """What `forward` weighs values with, the mean over heads: (N, L, d), (N, M, d) -> (N, L, M), float32."""
        q, k = (self._by_head(t).float() for t in (self.query(query), self.key(key)))
        with torch.autocast(query.device.type, enabled=False):
            scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
            return scores.softmax(dim=-1).mean(dim=1)

    def _by_head(self, x: Tensor) -> Tensor:
        return rearrange(x, "n l (heads d) -> n heads l d", heads=self.num_heads)

"""Vision Transformer encoder on a feature map (Dosovitskiy et al. 2021, eq. 1-4), with 1x1 patches as in CSA-Net."""

from functools import partial

from einops import rearrange
from torch import Tensor, nn

from .multi_head import default_num_heads
from .position import LearnedPosition


class VisionTransformerEncoder(nn.Module):
    """(N, dim, h, w) -> (N, width, h, w): embed, add learned positions, `depth` blocks, layer norm.

    Args:
        dim: input channels.
        width: token width.
        depth: number of blocks.
        grid: (h, w) the positions are learned on; for other sizes they are resized bilinearly.
        num_heads: heads of each block; default one per 64 channels.
        as_pretrained: timm's ViT blocks unchanged. Otherwise they have LayerScale 0.1, so that training from scratch
            starts near the identity, and no biases in queries, keys and values.

    Raises:
        ValueError: the heads do not divide `width`.
    """

    def __init__(
        self,
        dim: int,
        width: int,
        depth: int,
        grid: tuple[int, int],
        num_heads: int | None = None,
        as_pretrained: bool = False,
    ):
        from timm.models.vision_transformer import Block  # half a second: imports all models of timm

        super().__init__()
        num_heads = num_heads or default_num_heads(width)
        if width % num_heads:
            raise ValueError(
                f"vit_width={width} is not divisible by {num_heads} heads. Choose a multiple of 64."
            )
        self.embed = nn.Conv2d(dim, width, kernel_size=1)
        self.position = LearnedPosition(width, grid, std=0.02)
        norm = partial(nn.LayerNorm, eps=1e-6)
        options = {"qkv_bias": True} if as_pretrained else {"qkv_bias": False, "init_values": 0.1}
        self.blocks = nn.Sequential(
            *(Block(width, num_heads, norm_layer=norm, **options) for _ in range(depth))
        )
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        tokens = rearrange(self.embed(x) + self.position(height, width), "n d h w -> n (h w) d")
        tokens = self.norm(self.blocks(tokens))
        return rearrange(tokens, "n (h w) d -> n d h w", h=height)

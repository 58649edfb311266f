"""An extra input channel with one value per slice (its position, or its spacing), appended last.

It is constant over a slice, and 0 outside of the volume and in the padding of an image.
"""

import torch
from torch import Tensor


def append_side_channel(stack: Tensor, values: Tensor) -> Tensor:
    """(B, S, C, H, W) and (B, S) -> (B, S, C + 1, H, W)."""
    channel = values.to(stack.dtype)[..., None, None, None].expand(*stack.shape[:2], 1, *stack.shape[3:])
    return torch.cat([stack, channel], dim=2)


def side_values(stack: Tensor) -> Tensor:
    """(B, S, C + 1, H, W) -> (B, S); of values that are not negative."""
    return stack[:, :, -1].amax(dim=(-1, -2))

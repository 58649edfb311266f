"""Padding in plane, so that an image of any size can be pooled, and its removal from the decoder's outputs."""

import math
from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F


def pad(x: Tensor, stride: Sequence[int]) -> Tensor:
    """(..., H, W) zero-padded at the end, as nnU-Net pads, to a multiple of the (vertical, horizontal) stride."""
    pad_y, pad_x = (-s % k for s, k in zip(x.shape[-2:], stride, strict=True))
    return F.pad(x, (0, pad_x, 0, pad_y)) if pad_y or pad_x else x


def check_pools(size: Sequence[int], stride: Sequence[int], what: str, step: str) -> None:
    """Raise ValueError if what is left of an (H, W) is a single pixel, of which there is no instance norm.

    Args:
        stride: (vertical, horizontal) of the coarsest feature map.
        what, step: the message's beginning and end.
    """
    smallest = tuple(math.ceil(n / s) for n, s in zip(size, stride, strict=True))
    if math.prod(smallest) < 2:
        raise ValueError(
            f"{what}{tuple(size)} is too small to pool: the encoder downsamples by {tuple(stride)}, which leaves "
            f"{smallest}. {step}"
        )


def unpad(x: Tensor, padded: Sequence[int], size: Sequence[int]) -> Tensor:
    """A head's output (..., h, w) without what it got from the padding.

    Args:
        padded: (H, W) of the padded image.
        size: (H, W) of the image.
    """
    scales = [p // s for p, s in zip(padded, x.shape[-2:], strict=True)]
    # As nnU-Net rounds the sizes of its targets; in an export the finest head's sizes may be symbolic.
    height, width = (n if s == 1 else max(1, round(n * (1 / s))) for n, s in zip(size, scales, strict=True))
    return x[..., :height, :width]

"""Slices that do not exist: which they are, and their logits, background without a gradient.

Norms divide the constant features of an empty slice by almost 0, so gradients of a loss there would overflow.
"""

import torch
from torch import Tensor

from ..attention.neighbours import Neighbourhood, unsqueeze_like

CERTAIN = 10.0  # +CERTAIN for background, -CERTAIN for the other classes
# Of the largest value of a stack. nnU-Net's resampling leaves such values outside the mask that an image was normalised
# in; in training nnU-Net sets them to 0, in prediction it does not.
BLANK = 1e-6


def blank_slices(stack: Tensor) -> Tensor:
    """(B, S, C, H, W) -> (B, S) bool: all values of the slice are 0, or negligible beside the largest of the stack."""
    largest = stack.abs().amax(dim=(2, 3, 4))
    return largest <= BLANK * largest.amax(dim=1, keepdim=True)


def fill_missing(logits: Tensor, around: Neighbourhood, has_background: bool) -> Tensor:
    """Logits (B, T, K, h, w) of the centres, with background where a centre does not exist."""
    exists = unsqueeze_like(around.centre(around.valid), logits)
    return torch.where(exists, logits, logits_of_missing(logits, has_background))


def logits_of_missing(like: Tensor, has_background: bool) -> Tensor:
    """(K, 1, 1): background, of the type of logits (B, T, K, H, W).

    Args:
        has_background: channel 0 is background; False if regions are trained.
    """
    missing = like.new_full((like.shape[2], 1, 1), -CERTAIN)
    if has_background:
        missing[0] = CERTAIN
    return missing

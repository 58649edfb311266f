"""The logits of slices that do not exist: background without a gradient.

Norms divide the constant features of an empty slice by almost 0, so gradients of a loss there would overflow.
"""

import torch
from torch import Tensor

from ..attention.neighbours import Neighbourhood, unsqueeze_like

CERTAIN = 10.0  # +CERTAIN for background, -CERTAIN for the other classes


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

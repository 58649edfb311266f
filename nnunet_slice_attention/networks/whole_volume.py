"""A whole volume in one call, at the cost of the slices that exist.

nnU-Net's predictor calls a network on windows of the saved patch, and a network that takes a window's first and last
slice for the volume's needs windows that are deeper than almost all volumes.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .missing_slices import logits_of_missing

if TYPE_CHECKING:
    from .slab_network import SlabNetwork

CHUNK = 16  # slices that are segmented at a time


# Not compiled with the network: the range of slices depends on the data, and one graph would need memory for all.
@torch.compiler.disable
def segment_volume(
    network: "SlabNetwork", stack: Tensor, valid: Tensor | None = None
) -> Tensor | list[Tensor]:
    """Logits (B, S, K, H, W) of all slices of whole volumes (B, S, C, H, W); lists with deep supervision.

    Only slices between the first and the last that exists in any volume are computed, `CHUNK` at a time with their
    context, so that the memory for features does not grow with the volume's depth; the others are background.
    Inside `forward`, for nnU-Net's own predictor; encodes the slices at chunk borders twice.
    `inference.whole_stack.segment_stack` does not, but has no deep supervision.

    Args:
        valid: (B, S) bool, see `SlabNetwork.forward`.
    """
    valid = network.valid_slices(stack, valid)
    stack = network.with_side_channel(stack, valid)
    n_slices, radius = stack.shape[1], network.context_radius
    existing = valid.any(dim=0).nonzero().flatten().tolist() or [0]
    first, end = existing[0], existing[-1] + 1
    volumes: list[Tensor] = []  # one per head
    for begin in range(first, end, CHUNK):
        centres = range(begin, min(begin + CHUNK, end))
        low, high = max(0, centres.start - radius), min(centres.stop + radius, n_slices)
        inside = range(centres.start - low, centres.stop - low)
        logits = network.segment(stack[:, low:high], inside, valid[:, low:high])
        heads = logits if isinstance(logits, list) else [logits]
        volumes = volumes or [_background(head, n_slices, network.has_background) for head in heads]
        for volume, head in zip(volumes, heads, strict=True):
            volume[:, centres.start : centres.stop] = head
    return volumes if isinstance(logits, list) else volumes[0]


def _background(like: Tensor, n_slices: int, has_background: bool) -> Tensor:
    """Logits (B, n_slices, K, h, w) of slices that do not exist, of the type of logits (B, T, K, h, w)."""
    missing = logits_of_missing(like, has_background)
    return missing.repeat(len(like), n_slices, 1, *like.shape[-2:])

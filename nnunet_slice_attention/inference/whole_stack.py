"""Logits of a whole stack of slices, computed in chunks with the same result as at once."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ..attention.neighbours import Neighbourhood
from ..networks import SlabNetwork


def segment_stack(network: SlabNetwork, stack: Tensor, chunk: int) -> Iterator[tuple[slice, Tensor]]:
    """Segment every slice of a stack with all its neighbours, in chunks of slices.

    Features of slices that two chunks share are kept, so that each slice is encoded once; memory depends on the chunk
    size, not on the depth of the stack. For `SlabPredictor`; `networks.whole_volume.segment_volume` does it inside
    `forward`, for nnU-Net's own predictor and for deep supervision, and encodes the slices at chunk borders twice.

    Args:
        network: without deep supervision, in evaluation mode.
        stack: (B, C, S, H, W); without a side channel it is a whole volume, see `SlabNetwork.forward`.
        chunk: slices per chunk, 1 or more.

    Yields:
        slice of the stack covered by the chunk, and its logits (B, K, T, H, W), in order.
    """
    slices = stack.transpose(1, 2)
    n_slices, radius = slices.shape[1], network.fusion_radius
    valid = network.valid_slices(slices)
    slices = network.with_side_channel(slices, valid)
    distance = network.slice_distance(slices)
    skips, begin, end = [], 0, 0  # features of the slices begin..end
    for first in range(0, n_slices, chunk):
        last = min(first + chunk, n_slices)
        keep, needed = max(0, first - radius), min(last + radius, n_slices)
        skips = [skip[:, keep - begin :] for skip in skips]
        if needed > end:
            encoded = _encode(network, slices, valid, end, needed)
            skips = (
                [torch.cat(pair, dim=1) for pair in zip(skips, encoded, strict=True)] if skips else encoded
            )
        begin, end = keep, needed
        centres = range(first - begin, last - begin)
        around = Neighbourhood(centres, valid[:, begin:end], network.repeat_centre, distance=distance)
        logits = network.decode(skips, around, stack.shape[-2:])
        yield slice(first, last), logits.transpose(1, 2)


def _encode(network: SlabNetwork, slices: Tensor, valid: Tensor, first: int, last: int) -> list[Tensor]:
    """Features of the slices first..last, with image neighbours from outside this range."""
    low, high = max(0, first - network.image_radius), min(last + network.image_radius, slices.shape[1])
    return network.encode(slices[:, low:high], valid[:, low:high], range(first - low, last - low))

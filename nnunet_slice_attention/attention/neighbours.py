"""Picking a slice's neighbour out of a stack, and saying where there is none."""

from collections.abc import Sequence

import torch
from torch import Tensor


def pick_neighbour(x: Tensor, centres: Sequence[int], offset: int, valid: Tensor) -> tuple[Tensor, Tensor]:
    """The slices at `centres[t] + offset`.

    Args:
        x: features of a stack, (B, S, ...).
        centres: T slice indices in [0, S).
        offset: signed distance in slices.
        valid: (B, S) bool, False for slices that are padding rather than image.

    Returns:
        neighbour: (B, T, ...); an arbitrary slice of the stack where none exists.
        exists: (B, T) bool.
    """
    n_slices = x.shape[1]
    wanted = [c + offset for c in centres]
    index = [min(max(i, 0), n_slices - 1) for i in wanted]
    inside = torch.tensor([0 <= i < n_slices for i in wanted], device=x.device)
    return x[:, index], valid[:, index] & inside


def neighbour_or_centre(x: Tensor, centres: Sequence[int], offset: int, valid: Tensor) -> Tensor:
    """As `pick_neighbour`, (B, T, ...), with the centre slice standing in for a missing neighbour."""
    neighbour, exists = pick_neighbour(x, centres, offset, valid)
    exists = exists.reshape(*exists.shape, *[1] * (x.ndim - 2))
    return torch.where(exists, neighbour, x[:, list(centres)])

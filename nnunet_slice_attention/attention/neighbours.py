"""Picking a slice's neighbours out of a stack, and saying where there are none."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Neighbourhood:
    """The slices of a stack to segment, and what is around them.

    Attributes:
        centres: T slice indices in [0, S).
        valid: (B, S) bool, False for slices that are padding rather than image.
        repeat_centre: a control: each neighbour is replaced by the centre slice itself, and exists.
    """

    centres: Sequence[int]
    valid: Tensor
    repeat_centre: bool = False

    def of_every_slice(self) -> "Neighbourhood":
        """The same stack with all S slices as centres."""
        return replace(self, centres=range(self.valid.shape[1]))

    def centre(self, x: Tensor) -> Tensor:
        """(B, S, ...) -> (B, T, ...); a view where the centres lie side by side."""
        first, n = self.centres[0], len(self.centres)
        if list(self.centres) == list(range(first, first + n)):
            return x if n == x.shape[1] else x[:, first : first + n]
        return x[:, list(self.centres)]

    def neighbour(self, x: Tensor, offset: int) -> tuple[Tensor, Tensor]:
        """The slices at `centres[t] + offset`; offset 0 is the centre itself and always exists.

        Args:
            x: features of a stack, (B, S, ...).
            offset: signed distance in slices.

        Returns:
            neighbour: (B, T, ...); an arbitrary slice of the stack where none exists.
            exists: (B, T) bool.
        """
        if offset == 0 or self.repeat_centre:
            return self.centre(x), torch.ones_like(self.centre(self.valid))
        wanted = [c + offset for c in self.centres]
        index = [min(max(i, 0), x.shape[1] - 1) for i in wanted]
        inside = torch.tensor([i == j for i, j in zip(wanted, index, strict=True)], device=x.device)
        # Unlike x[:, index] it needs no sorting in the backward pass.
        chosen = torch.tensor(index, device=x.device)
        return x.index_select(1, chosen), self.valid[:, index] & inside

    def averaging(self, offsets: Sequence[int]) -> Tensor:
        """Matrices (offsets, B, T, S) that pick the neighbours that exist, weighted for their mean over all offsets.

        A slice's weights over offsets and stack sum to 1, or to 0 where it has no neighbour.
        """
        one_hot = torch.eye(self.valid.shape[1], device=self.valid.device).expand(*self.valid.shape, -1)
        picked = [self.neighbour(one_hot, offset) for offset in offsets]
        rows = torch.stack([row * exists[..., None] for row, exists in picked])
        return rows / rows.sum(dim=(0, 3), keepdim=True).clamp(min=1)

    def neighbour_or_centre(self, x: Tensor, offset: int) -> Tensor:
        """As `neighbour`, (B, T, ...), with the centre slice standing in for a missing one."""
        neighbour, exists = self.neighbour(x, offset)
        return torch.where(like(exists, neighbour), neighbour, self.centre(x))


def like(flags: Tensor, x: Tensor) -> Tensor:
    """(B, T) with as many trailing axes of size 1 as it takes to broadcast against x (B, T, ...)."""
    return flags.reshape(*flags.shape, *[1] * (x.ndim - 2))


def offsets_within(radius: int, step: int = 1) -> list[int]:
    """Offsets of the neighbours within `radius` steps, without the centre: offsets_within(2) is [-2, -1, 1, 2]."""
    return [k * step for k in range(-radius, radius + 1) if k]

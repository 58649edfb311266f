"""Selects a slice's neighbours from a stack and marks those that do not exist."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Neighbourhood:
    """The slices of a stack to segment, and which slices around them exist.

    Attributes:
        centres: T adjacent slices, a range within [0, S).
        valid: (B, S) bool, False for padding slices.
        repeat_centre: control: each neighbour is replaced by the centre slice, and always exists.
        context_grad: False if the neighbours' features carry no gradient.
        distance: (B,), between adjacent slices of each stack, in units of a reference spacing; None if the network does
            not know it.
    """

    centres: range
    valid: Tensor
    repeat_centre: bool = False
    context_grad: bool = True
    distance: Tensor | None = None

    def with_every_slice_as_centre(self) -> "Neighbourhood":
        """The same stack with all S slices as centres."""
        return replace(self, centres=range(self.valid.shape[1]))

    def centre(self, x: Tensor) -> Tensor:
        """(B, S, ...) -> (B, T, ...), a view."""
        return x[:, self.centres.start : self.centres.stop]

    def neighbour(self, x: Tensor, offset: int) -> tuple[Tensor, Tensor]:
        """The slices at `centres[t] + offset`; offset 0 is the centre itself and always exists.

        Concatenates slices instead of indexing with a list, which would make the GPU wait for the host.

        Args:
            x: features of a stack, (B, S, ...).
            offset: signed distance in slices.

        Returns:
            neighbour: (B, T, ...); an arbitrary slice of the stack where the neighbour does not exist.
            exists: (B, T) bool.
        """
        centre, centre_valid = self.centre(x), self.centre(self.valid)
        if offset == 0 or self.repeat_centre:
            return centre, torch.ones_like(centre_valid)
        having, inside = self.overlap(offset)
        neighbour = cat_slices(centre[:, : having.start], x[:, inside], centre[:, having.stop :])
        missing = torch.zeros_like(centre_valid)
        return neighbour, cat_slices(
            missing[:, : having.start], self.valid[:, inside], missing[:, having.stop :]
        )

    def overlap(self, offset: int) -> tuple[slice, slice]:
        """Which of the T centres have a slice of the stack at `offset`, and which of the S slices those are.

        They may still be padding, see `valid`.
        """
        first, last = self.centres.start, self.centres.stop
        if offset == 0 or self.repeat_centre:
            return slice(0, last - first), slice(first, last)
        begin, end = max(0, first + offset), min(last + offset, self.valid.shape[1])
        if begin >= end:
            return slice(0, 0), slice(0, 0)
        return slice(begin - offset - first, end - offset - first), slice(begin, end)

    def averaging_weights(self, offsets: Sequence[int]) -> Tensor:
        """Matrices (offsets, B, T, S) whose sum over offsets averages the existing neighbours.

        A slice's weights over offsets and stack sum to 1, or to 0 if it has no neighbour.
        """
        one_hot = torch.eye(self.valid.shape[1], device=self.valid.device).expand(*self.valid.shape, -1)
        picked = [self.neighbour(one_hot, offset) for offset in offsets]
        rows = torch.stack([row * exists[..., None] for row, exists in picked])
        return rows / rows.sum(dim=(0, 3), keepdim=True).clamp(min=1)

    def neighbour_or_centre(self, x: Tensor, offset: int) -> Tensor:
        """`neighbour`, (B, T, ...), with the centre slice in place of missing ones."""
        neighbour, exists = self.neighbour(x, offset)
        return torch.where(unsqueeze_like(exists, neighbour), neighbour, self.centre(x))


def cat_slices(*pieces: Tensor) -> Tensor:
    """Concatenate along the slices, (B, S_i, ...) -> (B, sum of S_i, ...); a view if all but one are empty."""
    pieces = [piece for piece in pieces if piece.shape[1]]
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces, dim=1)


def unsqueeze_like(flags: Tensor, x: Tensor) -> Tensor:
    """(B, T) with trailing axes of size 1, to broadcast against x (B, T, ...)."""
    return flags.reshape(*flags.shape, *[1] * (x.ndim - 2))


def offsets_within(radius: int, step: int = 1) -> list[int]:
    """Offsets of the neighbours within `radius` steps, without the centre: offsets_within(2) is [-2, -1, 1, 2]."""
    return [k * step for k in range(-radius, radius + 1) if k]


def between_copies(
    skips: list[Tensor], around: Neighbourhood, radius: int
) -> tuple[list[Tensor], Neighbourhood]:
    """A single centre slice between `radius` copies of itself on each side, without a gradient, as in its context.

    Features (B, 1, ...) per stage -> (B, 2 * radius + 1, ...), and their neighbourhood.
    """
    skips = [torch.cat([*[skip.detach()] * radius, skip, *[skip.detach()] * radius], dim=1) for skip in skips]
    valid = around.valid.new_ones(len(around.valid), 2 * radius + 1)
    valid[:, radius : radius + 1] = around.valid
    return skips, Neighbourhood(
        range(radius, radius + 1), valid, context_grad=False, distance=around.distance
    )

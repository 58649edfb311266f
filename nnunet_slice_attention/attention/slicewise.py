"""Running a 2D network on every slice of a stack, in training with or without a gradient through the context."""

from collections.abc import Callable

import torch
from torch import Tensor

Slices = Tensor | list[Tensor]  # (B, S, ...), or one such tensor a stage
Network = Callable[[Slices], Slices]


def map_each(fn: Callable[[Tensor], Tensor], x: Slices) -> Slices:
    """`fn` of a tensor, or of each in a list."""
    return [fn(t) for t in x] if isinstance(x, (list, tuple)) else fn(x)


def batch_and_depth(slices: Slices) -> tuple[int, int]:
    """(B, S)."""
    return (slices[0] if isinstance(slices, (list, tuple)) else slices).shape[:2]


def depth(slices: Slices) -> int:
    """S."""
    return batch_and_depth(slices)[1]


def slicewise(network: Network, slices: Slices) -> Slices:
    """(B, S, C, h, w) -> (B, S, C', h', w'): what `network` makes of (B*S, C, h, w)."""
    stack = batch_and_depth(slices)
    made = network(map_each(lambda t: t.flatten(0, 1), slices))
    return map_each(lambda t: t.unflatten(0, stack), made)


def slicewise_centre_grad(network: Network, slices: Slices) -> Slices:
    """As `slicewise`, but only the result of the middle slice, S // 2, carries a gradient.

    The others are computed without keeping activations: about an eighth of the time that they would take in training.
    """
    middle = depth(slices) // 2

    def run(of: Slices, part: slice) -> Slices:
        return slicewise(network, map_each(lambda t: t[:, part], of))

    # The centre first: autocast keeps its casts of the weights, and casts made without a gradient would be kept too.
    centre = run(slices, slice(middle, middle + 1))
    context = map_each(Tensor.detach, slices)
    with torch.no_grad():  # one side after the other, so that both need not be in memory at once
        before, behind = run(context, slice(0, middle)), run(context, slice(middle + 1, None))
    if isinstance(centre, (list, tuple)):
        return [torch.cat(parts, dim=1) for parts in zip(before, centre, behind, strict=True)]
    return torch.cat([before, centre, behind], dim=1)

"""Runs a 2D network on every slice of a stack, with or without a gradient through the context."""

from collections.abc import Callable

import torch
from torch import Tensor

Slices = Tensor | list[Tensor]  # (B, S, ...), or one such tensor per stage
Network = Callable[[Slices], Slices]


def map_each(fn: Callable[[Tensor], Tensor], x: Slices) -> Slices:
    """`fn` of a tensor, or of each tensor in a list."""
    return [fn(t) for t in x] if isinstance(x, (list, tuple)) else fn(x)


def batch_and_depth(slices: Slices) -> tuple[int, int]:
    """(B, S)."""
    return (slices[0] if isinstance(slices, (list, tuple)) else slices).shape[:2]


def depth(slices: Slices) -> int:
    """S."""
    return batch_and_depth(slices)[1]


def slicewise(network: Network, slices: Slices) -> Slices:
    """(B, S, C, h, w) -> (B, S, C', h', w'): `network` applied to (B*S, C, h, w)."""
    stack = batch_and_depth(slices)
    out = network(map_each(lambda t: t.flatten(0, 1), slices))
    return map_each(lambda t: t.unflatten(0, stack), out)


def slicewise_centre_grad(network: Network, slices: Slices) -> Slices:
    """`slicewise` with a gradient through the middle slice, S // 2, only.

    The others cost a forward pass, without stored activations.
    """
    middle = depth(slices) // 2

    def run(x: Slices, part: slice) -> Slices:
        return slicewise(network, map_each(lambda t: t[:, part], x))

    # The centre first: autocast caches its casts of the weights, and would also cache casts without a gradient.
    centre = run(slices, slice(middle, middle + 1))
    context = map_each(Tensor.detach, slices)
    parts = [centre]
    with torch.no_grad():  # one side after the other, to need less memory
        if middle > 0:
            parts.insert(0, run(context, slice(0, middle)))
        if middle + 1 < depth(slices):
            parts.append(run(context, slice(middle + 1, None)))
    if isinstance(centre, (list, tuple)):
        return [torch.cat(stage, dim=1) for stage in zip(*parts, strict=True)]
    return torch.cat(parts, dim=1)

"""How a network learns from a slab."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SlabLearning:
    """Which slices of a training slab are decoded, and which carry a gradient.

    Attributes:
        centre_only: only the middle slice is decoded.
        context_grad: the other slices' features carry a gradient. False requires `centre_only`.
    """

    centre_only: bool = False
    context_grad: bool = True


EVERY_SLICE = SlabLearning()

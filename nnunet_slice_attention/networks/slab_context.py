"""How far a network looks along the slices, and the control that looks at copies of the slice itself."""

from collections.abc import Iterator
from contextlib import contextmanager

from .slab_views import SlabViews


def check_radius(context_radius: int) -> int:
    """The radius itself; raise ValueError if it is negative."""
    if context_radius < 0:
        raise ValueError(f"context_radius={context_radius} must be 0 or more.")
    return context_radius


class SlabContext(SlabViews):
    """The slices that a network's outputs depend on.

    Neighbours enter as channels of the images that are encoded, and by mixing the features of encoded slices.

    Args:
        context_radius: R, see below.
        slices_per_image: neighbouring slices that enter the encoder as channels of one image; odd.
        repeat_centre: control: same weights, but each neighbour is replaced by the centre slice.

    Attributes:
        context_radius: R; the output at slice i depends on slices i-R..i+R and on no other.
        fusion_radius: the part of R covered by mixing encoded slices; the rest enters as channels of the images.
        sees_neighbours: False if no option makes an output depend on other slices.
        two_dimensional: see `set_two_dimensional`.
    """

    default_context_radius: int = 1
    sees_neighbours: bool = True

    def __init__(self, context_radius: int = 0, slices_per_image: int = 1, repeat_centre: bool = False):
        super().__init__()
        check_radius(context_radius)
        if slices_per_image < 1 or slices_per_image % 2 == 0:
            raise ValueError(f"slices_per_image={slices_per_image} must be odd: a slice and its neighbours.")
        self.slices_per_image = slices_per_image
        self.repeat_centre, self._planned_radius = repeat_centre, context_radius

    @classmethod
    def slab_radius(cls, context_radius: int | None = None, **options) -> int:
        """Neighbours on each side that a training slab needs, from a network's options.

        An ablation that ignores its neighbours gets the same slabs.
        """
        return cls.default_context_radius if context_radius is None else context_radius

    @property
    def context_radius(self) -> int:
        return 0 if self.repeat_centre else self._planned_radius

    @property
    def image_radius(self) -> int:
        """Neighbours on each side that enter as channels of an image; 0 where copies of the slice take their place."""
        return 0 if self.repeat_centre else self.slices_per_image // 2

    @property
    def fusion_radius(self) -> int:
        return self.context_radius - self.image_radius

    @property
    def copied_radius(self) -> int:
        """The fusion radius of the network of which this one is the control; 0 for the others."""
        return self._planned_radius - self.slices_per_image // 2 if self.repeat_centre else 0

    @contextmanager
    def repeating_centre(self) -> Iterator[None]:
        """Context in which each neighbour is replaced by the centre slice, as with `repeat_centre`."""
        before, self.repeat_centre = self.repeat_centre, True
        try:
            yield
        finally:
            self.repeat_centre = before

    def set_two_dimensional(self, on: bool) -> None:
        """Whether to segment each slice alone, as the planned 2D network does, which `zero_start` starts as.

        The channel view then takes one slice.
        """
        self.two_dimensional = on

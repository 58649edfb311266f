"""Images whose slices are of another plane or order than those of training, see `plans.slice_directions`.

They are predicted all the same, with a note: a header can be wrong where the voxels are right.
"""

from collections.abc import Mapping, Sequence

from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from ..image_geometry import HEADERS
from ..messages import first_few
from ..plans.slice_directions import (
    SLICE_DIRECTIONS,
    SLICE_ORDERS,
    Direction,
    direction_of,
    is_another_plane,
    is_in_reverse_order,
    name_of,
)
from .cases import Case


def notes_on_directions(cases: Sequence[Case], plans: PlansManager) -> list[str]:
    """Notes with the images and the next step; none for what training did not note.

    Readers that reorient images, and formats without directions, have none.
    """
    planes, orders = (plans.plans.get(entry, ()) for entry in (SLICE_DIRECTIONS, SLICE_ORDERS))
    read_header = HEADERS.get(plans.image_reader_writer_class)
    if read_header is None or not (planes or orders):
        return []
    directions = {case: direction_of(read_header(case.images[0]), plans.transpose_forward) for case in cases}
    return [*_other_planes(directions, planes), *_reverse_order(directions, orders)]


def _other_planes(directions: Mapping[Case, Direction], trained_on: Sequence[Direction]) -> list[str]:
    others = {case: name_of(d) for case, d in directions.items() if is_another_plane(d, trained_on)}
    if not others:
        return []
    usual = " or ".join(dict.fromkeys(map(name_of, trained_on)))
    return [
        f"note: the slices of {len(others)} images are stacked in another direction than those of training ({usual}): "
        f"{first_few(f'{case.images[0].name} ({name})' for case, name in others.items())}. nnU-Net slices the same "
        "axis of each file, so unless only their headers are wrong, do not use their segmentations: save the images "
        "with their axes in the order of the training images', and predict them again."
    ]


def _reverse_order(directions: Mapping[Case, Direction], trained_on: Sequence[Direction]) -> list[str]:
    others = [case.images[0].name for case, d in directions.items() if is_in_reverse_order(d, trained_on)]
    if not others:
        return []
    return [
        f"note: the slices of {len(others)} images are stored in the reverse order of those of training: "
        f"{first_few(others)}. The network takes their first slices for the last (suffix _Position), so unless only "
        "their headers are wrong, do not use their segmentations: save the images with their slices in the order of "
        "the training images', and predict them again."
    ]

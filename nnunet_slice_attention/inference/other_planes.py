"""Images whose slices are of another plane than those of training, see `plans.slice_directions`.

They are predicted all the same, with a note: a header can be wrong where the voxels are right.
"""

from collections.abc import Sequence

from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from ..image_geometry import HEADERS
from ..messages import first_few
from ..plans.slice_directions import SLICE_DIRECTIONS, direction_of, is_another_plane, name_of
from .cases import Case


def note_on_other_planes(cases: Sequence[Case], plans: PlansManager) -> str:
    """A note with the images and the next step; "" if there are none, or if training did not note its directions.

    Readers that reorient images, and formats without directions, have none.
    """
    trained_on = plans.plans.get(SLICE_DIRECTIONS, ())
    read_header = HEADERS.get(plans.image_reader_writer_class)
    if not trained_on or read_header is None:
        return ""
    directions = {case: direction_of(read_header(case.images[0]), plans.transpose_forward) for case in cases}
    others = {case: name_of(d) for case, d in directions.items() if is_another_plane(d, trained_on)}
    if not others:
        return ""
    usual = " or ".join(dict.fromkeys(map(name_of, trained_on)))
    return (
        f"note: the slices of {len(others)} images are stacked in another direction than those of training ({usual}): "
        f"{first_few(f'{case.images[0].name} ({name})' for case, name in others.items())}. nnU-Net slices the same "
        "axis of each file, so unless only their headers are wrong, do not use their segmentations: save the images "
        "with their axes in the order of the training images', and predict them again."
    )

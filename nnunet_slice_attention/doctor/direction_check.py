"""Whether the slices of all images are of one plane, and in one order where that matters."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from ..messages import first_few
from ..plans.slice_directions import AXES, Direction, distinct, is_another_plane, is_in_reverse_order, name_of
from .check import Check


def check_axis(plans: dict, directions: Mapping[str, Direction]) -> Check:
    """The axis of slices, and images whose slices are of another plane than those of most.

    Args:
        directions: of the preprocessed cases, see `slice_directions`.
    """
    axis = plans["transpose_forward"][0]
    text = f"slices are stacked along array axis {axis} (0, 1, 2 = z, y, x in SimpleITK)"
    text += ", the axis with the largest median spacing"
    if not directions:
        return Check("slicing", True, text)
    usual = _usual(directions)
    most = distinct(direction for direction in directions.values() if name_of(direction) == usual)
    others = {case: name_of(d) for case, d in directions.items() if is_another_plane(d, most)}
    if not others:
        return Check("slicing", True, f"{text}, {usual}")
    text = (
        f"{text}, {usual} in most images, but in {len(others)} of {len(directions)} in another direction: "
        f"{first_few(f'{case} ({name})' for case, name in others.items())}"
    )
    step = (
        "nnU-Net slices the same axis of each file. If the images are not meant to be of different planes, save them "
        "and their labels with their axes in the same order, and preprocess again."
    )
    return Check("slicing", True, text, step)


def check_order(directions: Mapping[str, Direction], trainer: type) -> list[Check]:
    """Images whose slices are in the reverse order of those of most; empty if the trainer does not use positions.

    Args:
        directions: as for `check_axis`.
        trainer: a subclass of nnUNetTrainerSlab.
    """
    if not directions or not trainer.uses_position():
        return []
    usual = _usual(directions)
    along = [d for d in directions.values() if name_of(d) == usual]
    signs = np.sign([d[AXES.index(usual)] for d in along])
    sign = 1 if np.sum(signs) >= 0 else -1
    most = [d for d, its_sign in zip(along, signs, strict=True) if its_sign == sign]
    others = [case for case, d in directions.items() if is_in_reverse_order(d, most)]
    if not others:
        return [Check("slice order", True, f"the same in all {usual} images")]
    text = (
        f"in {len(others)} of {len(directions)} images the slices are stored in the reverse order of most: "
        f"{first_few(others)}"
    )
    step = (
        "With the suffix _Position the network takes their first slices for the last. Unless only their headers are "
        "wrong, save them and their labels with their slices in the same order, and preprocess again; or train "
        "without _Position."
    )
    return [Check("slice order", True, text, step)]


def _usual(directions: Mapping[str, Direction]) -> str:
    return Counter(map(name_of, directions.values())).most_common(1)[0][0]

"""Along which direction of the body the slices of images are stacked.

nnU-Net slices each image along the same axis of its file, whatever the file's orientation. So an image that is stored
sagittally is cut into other slices than the axial ones of training, and silently segmented wrongly. If its slices are
stored from the last to the first, only networks that know a slice's position segment it wrongly.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from batchgenerators.utilities.file_and_folder_operations import load_pickle

from ..files import in_threads
from ..image_geometry import Geometry, is_2d

SLICE_DIRECTIONS = "slice_attention_slice_directions"  # entry of the saved plans, see `distinct`
SLICE_ORDERS = "slice_attention_slice_orders"  # the same with signs, for trainers with positions
# Slices are tilted, those of the heart by up to 45 degrees, and differently in each patient; other planes differ by 90.
LIMIT = 60.0  # degrees
AXES = ("left-right", "anterior-posterior", "inferior-superior")

# Unit vector from the first slice to the last, in the coordinates of the reader: LPS of ITK, RAS of nibabel.
Direction = Sequence[float]


def slice_direction(properties: Mapping, transpose_forward: Sequence[int]) -> Direction | None:
    """The direction along which an image's slices are stacked; None for 2D images and formats without directions.

    Args:
        properties: of nnU-Net's reader or preprocessing.
        transpose_forward: of the plans, whose first entry is the array's axis that nnU-Net slices.
    """
    with_directions = {"sitk_stuff", "nibabel_stuff"} & properties.keys()
    if not with_directions or is_2d(properties["spacing"]):
        return None
    return direction_of(Geometry.from_reader(properties, (1, 1, 1)), transpose_forward)


def direction_of(image: Geometry, transpose_forward: Sequence[int]) -> Direction:
    """As `slice_direction`, from an image's header."""
    return image.direction[:, 2 - transpose_forward[0]].tolist()  # x, y, z, as opposed to the array's z, y, x


def slice_directions(data: Path, transpose_forward: Sequence[int]) -> dict[str, Direction]:
    """Of the cases in a folder of preprocessed data, as far as their images have one."""

    def read(file: Path) -> Direction | None:
        try:
            return slice_direction(load_pickle(str(file)), transpose_forward)
        except Exception:  # unpickling can raise anything; training will name the file
            return None

    found = in_threads(read, sorted(data.glob("*.pkl")))
    return {file.stem: direction for file, direction in found.items() if direction is not None}


def distinct(directions: Iterable[Direction], signed: bool = False) -> list[list[float]]:
    """Those that differ by more than some degrees, as JSON values; opposite ones are the same unless `signed`."""
    rounded = (np.round(np.asarray(direction), 1) + 0.0 for direction in directions)
    if not signed:
        rounded = (vector * np.sign(vector[np.abs(vector).argmax()]) + 0.0 for vector in rounded)
    return sorted({tuple(vector.tolist()): vector.tolist() for vector in rounded}.values())


def angle(one: Direction, other: Direction) -> float:
    """Between two directions, in degrees, at most 90: their signs have no meaning."""
    cosine = abs(np.dot(one, other)) / np.linalg.norm(one) / np.linalg.norm(other)
    return float(np.degrees(np.arccos(min(cosine, 1.0))))


def is_another_plane(direction: Direction, others: Iterable[Direction]) -> bool:
    """Whether a direction is far from all others; False without any."""
    angles = [angle(direction, other) for other in others]
    return bool(angles) and min(angles) > LIMIT


def is_in_reverse_order(direction: Direction, others: Iterable[Direction]) -> bool:
    """Whether slices are stored in the opposite order of all others of the same plane; False without any."""
    cosines = [np.dot(direction, other) for other in others if angle(direction, other) <= LIMIT]
    return bool(cosines) and max(cosines) < 0


def name_of(direction: Direction) -> str:
    """The direction of the body that is nearest."""
    return AXES[int(np.abs(direction).argmax())]

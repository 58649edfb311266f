"""Where attention weights are: beside a prediction in the folder `attention`, one volume per offset and a table.

Maps of a point (see `point_maps.py`) are beside them, as NIfTI whatever the format of the prediction.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from ..image_files import image_ending

FOLDER = "attention"


def table_of(prediction: Path) -> Path:
    """Written after all volumes."""
    return prediction.parent / FOLDER / f"{_case(prediction)}.csv"


def volume_of(prediction: Path, offset: int) -> Path:
    return prediction.parent / FOLDER / f"{_case(prediction)}_{offset:+d}{image_ending(prediction.name)}"


def map_of(prediction: Path, point: Sequence[int], offset: int) -> Path:
    """`point` is a voxel (i, j, k) of the image's file."""
    return (
        prediction.parent
        / FOLDER
        / f"{_case(prediction)}_point_{'_'.join(map(str, point))}_{offset:+d}.nii.gz"
    )


def is_current(path: Path, prediction: Path) -> bool:
    """Whether a file exists that is not of an earlier prediction."""
    return path.is_file() and path.stat().st_mtime >= prediction.stat().st_mtime


def volumes_of(prediction: Path) -> dict[int, Path]:
    """{offset: file}, in order; none if they are incomplete or of an earlier prediction."""
    if not is_current(table_of(prediction), prediction):
        return {}
    names = rf"{re.escape(_case(prediction))}_([+-]\d+){re.escape(image_ending(prediction.name))}"
    found = {
        int(match[1]): path for path in files_of(prediction) if (match := re.fullmatch(names, path.name))
    }
    return dict(sorted(found.items()))


def files_of(prediction: Path) -> list[Path]:
    """All files that there are, complete or not, for TIFF with those that hold the spacing."""
    names = re.compile(
        rf"{re.escape(_case(prediction))}"
        rf"(\.csv|_[+-]\d+({re.escape(image_ending(prediction.name))}|\.json)|_point(_\d+){{3}}_[+-]\d+\.nii\.gz)"
    )
    return [path for path in (prediction.parent / FOLDER).glob("*") if names.fullmatch(path.name)]


def _case(prediction: Path) -> str:
    return prediction.name.removesuffix(image_ending(prediction.name))

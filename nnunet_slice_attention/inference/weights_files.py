"""Where the weights of slices are: beside a prediction in the folder `attention`, one volume per offset and a table."""

import re
from pathlib import Path

from ..image_files import image_ending

FOLDER = "attention"


def table_of(prediction: Path) -> Path:
    """Written after all volumes."""
    return prediction.parent / FOLDER / f"{_case(prediction)}.csv"


def volume_of(prediction: Path, offset: int) -> Path:
    return prediction.parent / FOLDER / f"{_case(prediction)}_{offset:+d}{image_ending(prediction.name)}"


def volumes_of(prediction: Path) -> dict[int, Path]:
    """{offset: file} of those that there are, in order."""
    pattern = re.compile(
        rf"{re.escape(_case(prediction))}_([+-]\d+){re.escape(image_ending(prediction.name))}"
    )
    files = (prediction.parent / FOLDER).glob("*")
    found = {int(match[1]): path for path in files if (match := pattern.fullmatch(path.name))}
    return dict(sorted(found.items()))


def _case(prediction: Path) -> str:
    return prediction.name.removesuffix(image_ending(prediction.name))

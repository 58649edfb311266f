"""Checks that the images of a raw data set are complete: ITK fills up truncated NIfTI and GIPL files with zeros.

nnU-Net would train on them, for example after a copy that was interrupted.
"""

from pathlib import Path

from ..dataset_files import dataset_id, read_description, training_images
from ..files import in_threads
from ..image_files import check_ends
from ..messages import first_few
from .check import Check

NAME = "images"


def check_damage(folder: Path, dataset: str | int) -> list[Check]:
    """Of all channels; empty without images, or where `check_headers` has named why they cannot be found.

    Args:
        folder: the raw data set.
        dataset: id or name, for the next step.
    """
    try:
        by_case = training_images(folder, read_description(folder / "dataset.json"))
    except (OSError, ValueError):
        return []
    files = [path for paths in by_case.values() for path in paths if path.suffix != ".json"]
    if not files:
        return []

    def problem(path: Path) -> str:
        try:
            check_ends(path)
        except OSError as error:
            return f"{path}: {error}"
        return ""

    wrong = list(filter(None, in_threads(problem, files).values()))
    if not wrong:
        return [Check(NAME, True, f"none of the {len(files)} files is cut off")]
    text = f"{len(wrong)} of {len(files)} are damaged, and may be read as zeros: {first_few(wrong, '; ')}"
    step = f"Copy them again, then nnUNetv2_plan_and_preprocess -d {dataset_id(dataset)} --clean"
    return [Check(NAME, False, text, step)]

"""Checks by their names that each case of a raw data set has all its channels and a label.

nnU-Net takes the channels that there are: planning fails without naming the case, or, if it was added later, a batch
silently gets copies of its first channel in place of the others. A label without an image is never used.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from nnunetv2.imageio.base_reader_writer import BaseReaderWriter
from nnunetv2.imageio.natural_image_reader_writer import NaturalImage2DIO

from ..dataset_files import segmentations
from ..image_files import image_ending
from ..image_geometry import four_dimensions
from ..messages import first_few
from .check import Check

NAME = "files"


def check_files(folder: Path, dataset_json: Mapping, reader: type[BaseReaderWriter] | None) -> list[Check]:
    """Empty if all is there, or no image is.

    Args:
        folder: the raw data set.
        dataset_json: its content; files that it lists itself are not checked.
        reader: nnU-Net's for the data set; None if no case shows it: channels are then not counted.
    """
    if "dataset" in dataset_json:
        return []
    ending = dataset_json["file_ending"]
    channels: dict[str, list[str]] = defaultdict(list)
    for case, path in segmentations(folder / "imagesTr", ending).items():
        name, _, number = case.rpartition("_")
        if not re.fullmatch(r"\d{4}", number):
            text = f"{path} has no channel number, and nnU-Net would cut five characters off its name"
            return [Check(NAME, False, text, f"Rename it, e.g. to {case}_0000{ending}.")]
        channels[name].append(number)
    if not channels:
        return _check_ending(folder / "imagesTr", ending)
    labels = segmentations(folder / "labelsTr", ending).keys()
    wrong = [f"{case} has no label" for case in sorted(channels.keys() - labels)]
    if reader not in (None, NaturalImage2DIO):  # the second reads several channels from one file
        names = dataset_json.get("channel_names") or dataset_json.get("modality")
        if not names:
            text = f"{folder / 'dataset.json'} has no channel_names"
            return [
                Check(NAME, False, text, 'Write one per channel, e.g. {"0": "T2"}; "CT" normalises as CT.')
            ]
        expected = [f"{channel:04d}" for channel in range(len(names))]
        wrong += [
            f"{case} has the channels {', '.join(sorted(found))} instead of {', '.join(expected)}"
            for case, found in sorted(channels.items())
            if sorted(found) != expected
            and not four_dimensions(folder / "imagesTr" / f"{case}_{found[0]}{ending}")  # see `check_headers`
        ]
    alone = [f"{case} has a label, but no image" for case in sorted(labels - channels.keys())]
    if not wrong and not alone:
        return []
    if not wrong:  # nnU-Net leaves these labels out
        step = f"If the images were not left out on purpose, add them to imagesTr ({ending} only)."
        return [Check(NAME, True, first_few(alone, "; "), step)]
    wrong += alone
    step = f"Add the missing files in imagesTr and labelsTr, or remove those of the case ({ending} only)."
    return [Check(NAME, False, first_few(wrong, "; "), step)]


def _check_ending(images: Path, ending: str) -> list[Check]:
    """Whether a folder without images of this ending has others; empty if it does not."""
    others = sorted(path.name for path in images.glob("*") if image_ending(path.name) and path.is_file())
    if not others:
        return []
    text = f"{images} has no {ending} files, but {len(others)} others, e.g. {others[0]}"
    step = "Correct file_ending in dataset.json, or convert the images and labels."
    return [Check(NAME, False, text, step)]

"""Finds the cases to predict in the files that the user gives."""

import re
from collections.abc import Sequence
from pathlib import Path

from ..files import same_place
from ..image_files import image_ending, is_renamed
from .attention_files import files_of
from .boxes import boxes_of
from .cases import NNUNET_RECORD, Case

DESCRIPTIONS = ("dataset.json", "plans.json")  # written by nnU-Net next to segmentations


def find_cases(inputs: Sequence[Path], output: Path, ending: str) -> list[Case]:
    """The cases of a folder, or one case given by its channels.

    Args:
        inputs: one folder, or the channels of one case in order.
        output: a folder; for one case also the file to write.
        ending: extension of the data set's images, e.g. ".nii.gz".

    Raises:
        FileNotFoundError: there are no cases.
        ValueError: a result has the name of an image, or of a file that is not a prediction; `output` is the image
            folder; or it is a file, but `inputs` is a folder.
    """
    inputs, output = [Path(p) for p in inputs], Path(output).absolute()  # nnU-Net cannot create the folder ""
    chosen = image_ending(output.name) if not output.is_dir() else ""
    if len(inputs) == 1 and inputs[0].is_dir():
        if chosen:
            raise ValueError(
                f"-o {output.name} is a file name, but {inputs[0]} is a folder of cases. Give a folder with -o."
            )
        found = _grouped(inputs[0], output, ending)
    elif all(path.is_file() for path in inputs):
        name, problem = _name_of_files(inputs, ending)
        if chosen:
            found = [_case(inputs, output.parent, output.name.removesuffix(chosen), chosen, problem)]
        else:
            found = [_case(inputs, output, name, ending, problem)]
    else:
        found = []
    if not found:
        raise FileNotFoundError(
            f"no cases in {', '.join(map(str, inputs))}. Give a folder with files named _0000{ending}, _0001{ending} "
            "..., one per channel, or the files of one case."
        )
    _check_replaces_no_image(found)
    _check_replaces_predictions_only(found, from_folder=not chosen)
    if len(inputs) == 1 and inputs[0].is_dir() and same_place(inputs[0], output):
        raise ValueError(
            f"{output} is the image folder, where the next prediction would mistake results for images. Give another "
            "folder with -o."
        )
    return found


def _check_replaces_no_image(cases: Sequence[Case]) -> None:
    """Raise ValueError if a result would overwrite an image of any case."""
    images = {image.resolve() for case in cases for image in case.images}
    for case in cases:
        for result in case.results:
            if result.resolve() in images:
                raise ValueError(
                    f"the result of {case.images[0].name} would overwrite the input image {result}. Give another "
                    "folder with -o."
                )


def _check_replaces_predictions_only(cases: Sequence[Case], from_folder: bool) -> None:
    """Raise ValueError if a file may not be a prediction, such as a ground truth, and a result has its name.

    Predictions are recognised by the file that nnU-Net writes next to them, but not in an image folder. Files that are
    to be kept count too: among a ground truth's, missing cases would be filled in, and then all look predicted.
    """
    folder = cases[0].output.parent
    predicted = (folder / NNUNET_RECORD).is_file()
    among_images = any(image.parent.resolve() == folder.resolve() for case in cases for image in case.images)
    at_risk = [] if predicted else [folder / name for name in DESCRIPTIONS]
    if among_images or not predicted:
        named_by_user = set() if from_folder else {case.output for case in cases}
        at_risk += [result for case in cases for result in case.results if result not in named_by_user]
        at_risk += [path for case in cases for path in (*files_of(case.output), boxes_of(case.output))]
    if existing := next((path for path in at_risk if path.is_file()), None):
        reason = (
            "It is in the image folder"
            if predicted
            else f"Without {NNUNET_RECORD} next to it, it does not count as a prediction"
        )
        raise ValueError(
            f"{existing} has the name of a result. {reason}. Give another folder with -o, or remove that file."
        )


def _case(images: Sequence[Path], folder: Path, name: str, ending: str, problem: str = "") -> Case:
    if not problem and is_renamed(name, ending):
        problem = f"the case name {name} ends like a NIfTI file, so ITK would write {name}{ending} under another name. "
        problem += "Rename the case"
    return Case(tuple(images), folder / f"{name}{ending}", ending, problem)


def _grouped(folder: Path, output: Path, ending: str) -> list[Case]:
    """Group the channels of each case; a file without a channel number is a case of its own.

    nnU-Net's own grouping removes the last five characters, whatever they are.
    """
    cases: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.name.endswith(ending) and not path.name.startswith("."):
            cases.setdefault(_without_channel(path.name, ending), []).append(path)
    found = []
    for name, images in cases.items():
        expected = [f"{name}_{channel:04d}{ending}" for channel in range(len(images))]
        numbered = [path.name for path in images] == expected
        found.append(_case(images, output, name, ending, "" if numbered else _misnumbered(images, ending)))
    others = [path for path in sorted(folder.iterdir()) if _is_image_in_another_format(path, ending)]
    if others and not found:
        raise FileNotFoundError(
            f"{folder} has no {ending} files, the format of the model's images, but {others[0].name}. Convert them."
        )
    problem = f"the model's images are {ending} files. Rename or convert it"
    return found + [_case((path,), output, path.name, ending, problem) for path in others]


def _name_of_files(images: Sequence[Path], ending: str) -> tuple[str, str]:
    """The name of one case given by its files, and why they are not the channels of one; "" if they may be.

    A single file that ends in another number than _0000 is not a channel: volume_0001 and volume_0002 are two cases.
    Several files without numbers are channels in the order given, whatever their names: t2.mha, adc.mha.
    """
    names = [_without_channel(path.name, ending) for path in images]
    numbers = [_stem(path.name, ending).removeprefix(name) for path, name in zip(images, names, strict=True)]
    if len(images) == 1:
        return _stem(images[0].name, ending) if numbers != ["_0000"] else names[0], ""
    if twice := next((path for path in images if images.count(path) > 1), None):
        return names[0], f"{twice.name} is given twice. Give each channel once"
    if not any(numbers):
        return names[0], ""
    if other := next((path for path, name in zip(images, names, strict=True) if name != names[0]), None):
        problem = (
            f"{images[0].name} and {other.name} are of different cases: their names differ in more than the "
        )
        return names[0], problem + "channel's number. Give the channels of one case, CASE_0000, CASE_0001 ..."
    right = sorted(numbers) == [f"_{channel:04d}" for channel in range(len(images))]
    return names[0], "" if right else _misnumbered(images, ending)


def _misnumbered(images: Sequence[Path], ending: str) -> str:
    names = ", ".join(path.name for path in images)
    return f"{names}: the channels are not numbered from _0000{ending} on. Rename them"


def _is_image_in_another_format(path: Path, ending: str) -> bool:
    """By name: the same format with another spelling or compression, or a numbered channel in any other format."""
    own = image_ending(path.name)
    if path.name.endswith(ending) or path.name.startswith(".") or not own or path.is_dir():
        return False
    same = own.lower().removesuffix(".gz") == ending.lower().removesuffix(".gz")
    return same or _without_channel(path.name, ending) != path.name.removesuffix(own)


def _without_channel(name: str, ending: str) -> str:
    """Case name from the name of one of its images; `ending` is the data set's extension."""
    return re.sub(r"_\d{4}$", "", _stem(name, ending))


def _stem(name: str, ending: str) -> str:
    """The name of an image, in the data set's format or another, without its extension."""
    return name.removesuffix(ending if name.endswith(ending) else image_ending(name))

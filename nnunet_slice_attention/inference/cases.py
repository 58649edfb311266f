"""Cases to predict: found in a folder, and their results looked for when the work has ended."""

import re
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from nnunetv2.imageio.base_reader_writer import BaseReaderWriter

from ..image_files import check_complete, image_ending, is_renamed
from .settings import SETTINGS

DESCRIPTIONS = ("dataset.json", "plans.json")  # which nnU-Net writes beside segmentations


@dataclass(frozen=True)
class Case:
    """One case.

    Attributes:
        images: its files, one a channel.
        output: the segmentation to write.
        ending: of the output, e.g. ".nii.gz".
        problem: what is wrong with the files' names; "" if nothing is.
    """

    images: tuple[Path, ...]
    output: Path
    ending: str
    problem: str = ""

    @property
    def stem(self) -> str:
        """The output without its ending, as nnU-Net wants it."""
        return str(self.output).removesuffix(self.ending)

    @property
    def probabilities(self) -> Path:
        return Path(f"{self.stem}.npz")

    @property
    def results(self) -> tuple[Path, ...]:
        """All that nnU-Net writes: the segmentation, the probabilities and their properties; of TIFF the spacing."""
        spacing = (Path(f"{self.stem}.json"),) if self.ending in (".tif", ".tiff") else ()
        return self.output, self.probabilities, self.probabilities.with_suffix(".pkl"), *spacing


def find_cases(inputs: Sequence[Path], output: Path, ending: str, overwrite: bool = True) -> list[Case]:
    """The cases of a folder, or the one case whose channels are given.

    Args:
        inputs: one folder, or the channels of one case in order.
        output: folder; for one case it may also be the file to write.
        ending: of the data set's image files, e.g. ".nii.gz".
        overwrite: False: what is there already is left as it is.

    Raises:
        FileNotFoundError: there is none.
        ValueError: a result would be written over an image, or over what no prediction wrote; `output` is the folder of
            the images; or a file for a folder of cases.
    """
    inputs, output = [Path(p) for p in inputs], Path(output).absolute()  # nnU-Net makes its folder, never ""
    chosen = image_ending(output.name) if not output.is_dir() else ""
    if len(inputs) == 1 and inputs[0].is_dir():
        if chosen:
            raise ValueError(
                f"-o {output.name} is the name of a file; the cases of {inputs[0]} need a folder."
            )
        found = _grouped(inputs[0], output, ending)
    elif chosen and all(path.is_file() for path in inputs):
        found = [_case(inputs, output.parent, output.name.removesuffix(chosen), chosen)]
    elif all(path.is_file() for path in inputs):
        found = [_case(inputs, output, _without_channel(inputs[0].name, ending), ending)]
    else:
        found = []
    if not found:
        raise FileNotFoundError(
            f"no case in {', '.join(map(str, inputs))}: expected a folder of files that end in _0000{ending}, "
            f"_0001{ending} ..., one a channel, or such files of one case."
        )
    _check_replaces_no_image(found)
    _check_replaces_predictions_only(found, from_folder=not chosen, overwrite=overwrite)
    if len(inputs) == 1 and inputs[0].is_dir() and inputs[0].resolve() == output.resolve():
        raise ValueError(
            f"{output} is the folder of the images: the next prediction would take results for images. Give another "
            "with -o."
        )
    return found


def _check_replaces_no_image(cases: Sequence[Case]) -> None:
    """Raise ValueError if a result of one case has the place of an image of any."""
    images = {image.resolve() for case in cases for image in case.images}
    for case in cases:
        for result in case.results:
            if result.resolve() in images:
                raise ValueError(
                    f"the result of {case.images[0].name} would be written over {result}, which is an image to "
                    "predict. Give another folder with -o."
                )


def _check_replaces_predictions_only(cases: Sequence[Case], from_folder: bool, overwrite: bool) -> None:
    """Raise ValueError if a file would be replaced that may be a user's own: an image, a reference, a data set's.

    A prediction is known by nnU-Net's note in its folder. Among images even that is no proof.
    """
    folder = cases[0].output.parent
    predicted = (folder / SETTINGS).is_file()
    among_images = any(image.parent.resolve() == folder.resolve() for case in cases for image in case.images)
    at_risk = [] if predicted else [folder / name for name in DESCRIPTIONS]
    if overwrite and (among_images or not predicted):
        named_by_user = set() if from_folder else {case.output for case in cases}
        at_risk += [result for case in cases for result in case.results if result not in named_by_user]
    if there := next((path for path in at_risk if path.is_file()), None):
        why = (
            "It lies among the images"
            if predicted
            else f"No {SETTINGS} beside it tells that a prediction wrote it"
        )
        raise ValueError(
            f"{there} would be written over. {why}. Give another folder with -o, or remove that file."
        )


def _case(images: Sequence[Path], folder: Path, name: str, ending: str, problem: str = "") -> Case:
    if not problem and is_renamed(name, ending):
        problem = f"{name} as the name of a case ends as a NIfTI file does, and {name}{ending} would be written under "
        problem += "another name. Rename it"
    return Case(tuple(images), folder / f"{name}{ending}", ending, problem)


def _grouped(folder: Path, output: Path, ending: str) -> list[Case]:
    """Files of one name and other channels together; a file without a channel's number is a case of its own.

    nnU-Net's own grouping takes the last five characters for the number, whatever they are.
    """
    cases: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.name.endswith(ending) and not path.name.startswith("."):
            cases.setdefault(_without_channel(path.name, ending), []).append(path)
    found = []
    for name, images in cases.items():
        expected = [f"{name}_{channel:04d}{ending}" for channel in range(len(images))]
        names = ", ".join(path.name for path in images)
        numbered = names == ", ".join(expected)
        problem = f"{names}: the channels are not numbered from _0000{ending} on, as nnU-Net numbers them"
        found.append(_case(images, output, name, ending, "" if numbered else problem))
    others = [path for path in sorted(folder.iterdir()) if _is_image_in_another_format(path, ending)]
    if others and not found:
        raise FileNotFoundError(
            f"{folder} has no file that ends in {ending}, as the model's images do; there is {others[0].name}."
        )
    wrong = f"the model's images end in {ending}. Rename or convert it"
    return found + [_case((path,), output, path.name, ending, wrong) for path in others]


def _is_image_in_another_format(path: Path, ending: str) -> bool:
    """By its name: one of the same format, compressed or written otherwise, or a numbered channel in any other."""
    own = image_ending(path.name)
    if path.name.endswith(ending) or path.name.startswith(".") or not own or path.is_dir():
        return False
    same = own.lower().removesuffix(".gz") == ending.lower().removesuffix(".gz")
    return same or _without_channel(path.name, ending) != path.name.removesuffix(own)


def _without_channel(name: str, ending: str) -> str:
    """The name of a case by that of one of its files; `ending` is the data set's, of whatever format."""
    own = ending if name.endswith(ending) else image_ending(name)
    return re.sub(r"_\d{4}$", "", name.removesuffix(own))


def is_finished(case: Case, reader_writer: BaseReaderWriter, with_probabilities: bool = False) -> bool:
    """Whether the segmentation, and the probabilities if asked for, are there and whole.

    Args:
        case: to look for.
        reader_writer: nnU-Net's reader of the data set.
        with_probabilities: look for them too.
    """
    try:
        check_complete(case.output)
        reader_writer.read_seg(str(case.output))
        if with_probabilities:
            with np.load(case.probabilities) as file:
                file["probabilities"]
    except Exception:  # readers raise what they like
        return False
    return True


def remove_results(case: Case) -> None:
    """Remove what an earlier or a failed prediction left: nothing old or half-written looks finished."""
    for path in case.results:
        if path.is_file():
            path.unlink()


def in_one_line(error: Exception) -> str:
    """The last line of an error: where libraries put what happened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if lines:
        return lines[-1]
    where = traceback.extract_tb(error.__traceback__)
    return type(error).__name__ + (f" in {where[-1].name}: {where[-1].line}" if where else "")

"""Cases to predict: found in a folder, checked before the work begins, and looked for when it has ended."""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from nnunetv2.imageio.base_reader_writer import BaseReaderWriter

from ..files import check_complete

# Beyond them a header is damaged, and resampling would fill the memory. nnU-Net gives 2D images slices 999 mm apart.
SMALLEST_MM, LARGEST_MM = 1e-4, 1e3


@dataclass(frozen=True)
class Case:
    """One case.

    Attributes:
        images: its files, one a channel.
        output: the segmentation to write.
        ending: of these files, e.g. ".nii.gz".
        numbered: whether their names count the channels from _0000 on, as nnU-Net's do.
    """

    images: tuple[Path, ...]
    output: Path
    ending: str
    numbered: bool = True

    @property
    def stem(self) -> str:
        """The output without its ending, as nnU-Net wants it."""
        return str(self.output).removesuffix(self.ending)

    @property
    def probabilities(self) -> Path:
        return Path(f"{self.stem}.npz")

    @property
    def results(self) -> tuple[Path, Path, Path]:
        """All that nnU-Net writes: the segmentation, the probabilities and their properties."""
        return self.output, self.probabilities, self.probabilities.with_suffix(".pkl")


def find_cases(inputs: Sequence[Path], output: Path, ending: str) -> list[Case]:
    """The cases of a folder, or the one case whose channels are given.

    Args:
        inputs: one folder, or the channels of one case in order.
        output: folder; for one case it may also be the file to write.
        ending: of image files, e.g. ".nii.gz".

    Raises:
        FileNotFoundError: there is none.
        ValueError: a result would be written over an image.
    """
    inputs, output = [Path(p) for p in inputs], Path(output).absolute()  # nnU-Net makes its folder, never ""
    if len(inputs) == 1 and inputs[0].is_dir():
        found = _grouped(inputs[0], output, ending)
    elif all(path.is_file() for path in inputs):
        is_file = output.name.endswith(ending)
        name = inputs[0].name.removesuffix(ending).removesuffix("_0000")
        found = [Case(tuple(inputs), output if is_file else output / f"{name}{ending}", ending)]
    else:
        found = []
    if not found:
        raise FileNotFoundError(
            f"no case in {', '.join(map(str, inputs))}: expected a folder of files that end in _0000{ending}, "
            f"_0001{ending} ..., one a channel, or such files of one case."
        )
    _check_overwrites_nothing(found)
    return found


def _check_overwrites_nothing(cases: Sequence[Case]) -> None:
    """Raise ValueError if a result of one case has the place of an image of any."""
    images = {image.resolve() for case in cases for image in case.images}
    for case in cases:
        for result in case.results:
            if result.resolve() in images:
                raise ValueError(
                    f"the result of {case.images[0].name} would be written over {result}, which is an image to "
                    "predict. Give another folder with -o."
                )


def _grouped(folder: Path, output: Path, ending: str) -> list[Case]:
    """Files of one name and other channels together; a file without a channel's number is a case of its own.

    nnU-Net's own grouping takes the last five characters for the number, whatever they are.
    """
    cases: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.name.endswith(ending) and not path.name.startswith("."):
            name = re.sub(r"_\d{4}$", "", path.name.removesuffix(ending))
            cases.setdefault(name, []).append(path)
    found = []
    for name, images in cases.items():
        expected = [f"{name}_{channel:04d}{ending}" for channel in range(len(images))]
        numbered = [path.name for path in images] == expected
        found.append(Case(tuple(images), output / f"{name}{ending}", ending, numbered))
    return found


def problems(
    cases: Sequence[Case], n_channels: int, reader_writer: BaseReaderWriter, threads: int = 1
) -> dict[Case, str]:
    """What is wrong with the images of each case: channels, what cannot be read, values that are no numbers.

    nnU-Net would end the processes of all cases for most of these, and segment nothing, silently, in an image with NaN.
    (ITK reads NaN in NIfTI as 0, in training as in prediction; other formats and readers keep it.)

    Args:
        cases: to check.
        n_channels: what the model was trained on.
        reader_writer: nnU-Net's reader of the data set.
        threads: so many cases at a time.
    """

    def check(case: Case) -> str | None:
        try:
            return _problem(case, n_channels, reader_writer)
        except Exception as error:  # readers raise what they like
            return in_one_line(error)

    with ThreadPoolExecutor(max(1, threads)) as pool:
        return {c: problem for c, problem in zip(cases, pool.map(check, cases), strict=True) if problem}


def _problem(case: Case, n_channels: int, reader_writer: BaseReaderWriter) -> str | None:
    names = ", ".join(path.name for path in case.images)
    if len(case.images) != n_channels:
        return f"has {len(case.images)} channels ({names}); the model was trained on {n_channels}"
    if not case.numbered:
        return f"{names}: the channels are not numbered from _0000{case.ending} on, as nnU-Net numbers them"
    for image in case.images:
        if not image.is_file():
            return f"{image.name} is no file"
        try:
            check_complete(image)
        except OSError as error:
            return f"{image.name} cannot be read: {error}"
    data, properties = reader_writer.read_images([str(path) for path in case.images])
    if data.ndim != 4 or len(data) != n_channels:
        return f"{names}: an array of {data.shape}; expected {n_channels} volumes, one a file, of one number a voxel"
    if not data.size:
        return f"{names}: no voxels, shape {data.shape}"
    if not all(SMALLEST_MM <= length <= LARGEST_MM for length in properties["spacing"]):
        return (
            f"{names}: spacing {tuple(map(float, properties['spacing']))} is not within {SMALLEST_MM:g} to "
            f"{LARGEST_MM:g} mm. Mend the file's header"
        )
    if wrong := int(data.size - np.isfinite(data).sum()):
        return f"{names}: {wrong} voxels are NaN or infinite. Replace them, as in the images of the training"
    return None


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
    return lines[-1] if lines else type(error).__name__

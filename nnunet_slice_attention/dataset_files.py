"""Reads the JSON files that describe a data set or a trained model; errors name damaged files and the next step.

Also finds the files of a data set, and nnU-Net's reader for them.
"""

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from copy import deepcopy
from io import StringIO
from pathlib import Path

from nnunetv2.imageio.base_reader_writer import BaseReaderWriter
from nnunetv2.imageio.reader_writer_registry import (
    determine_reader_writer_from_dataset_json,
    recursive_find_reader_writer_by_name,
)
from nnunetv2.utilities.dataset_name_id_conversion import convert_dataset_name_to_id
from nnunetv2.utilities.utils import get_filenames_of_train_images_and_targets

from .files import read_json, read_json_or_empty
from .tiff_spacing import ENDINGS, image_spacing_file

Split = Mapping[str, Sequence[str]]  # of a fold: its cases by "train" and "val"
OWN_FOLDS = 5  # of the split that nnU-Net makes without splits_final.json, which needs as many cases


def dataset_id(dataset: str | int) -> int:
    """The id of a data set given by id or name: nnU-Net's commands that plan and preprocess take no name.

    Raises:
        ValueError: it is neither.
    """
    name = str(dataset)
    if not re.match(r"Dataset\d{3}_|\d+$", name):
        raise ValueError(
            f"{name} is no data set of nnU-Net. Give its id, e.g. 27, or its name with three digits, e.g. "
            "Dataset027_ACDC."
        )
    return convert_dataset_name_to_id(name) if name.startswith("Dataset") else int(name)


def read_description(path: Path) -> dict:
    """`dataset.json`. Raise FileNotFoundError or ValueError, see `read_json`, also for labels of nnU-Net v1.

    Labels in quotes become integers: nnU-Net takes them for such, but not beside regions, nor as the ignore label.
    """
    found = read_json(path, "Put back the data set's dataset.json.", keys=("labels", "file_ending"))
    if not str(found["file_ending"]).startswith("."):
        raise ValueError(
            f"{path} has file_ending {found['file_ending']!r}, which nnU-Net finds no files by. Write it with its "
            'dot, e.g. ".nii.gz".'
        )
    labels = found["labels"]
    if not isinstance(labels, dict):
        raise ValueError(f'{path} has labels {labels!r}. Write {{"background": 0, NAME: 1, ...}}.')
    texts = {name: value for name, value in labels.items() if isinstance(value, str)}
    if texts and "background" not in labels and all(name.isdecimal() for name in texts):
        v2 = json.dumps({name: int(value) for value, name in texts.items()})
        raise ValueError(
            f"{path} has labels {labels}, as nnU-Net v1 wrote them. nnU-Net v2 needs names first. Write {v2}."
        )
    regions = any(isinstance(value, list) for value in labels.values())
    for name, value in texts.items():
        if regions or name == "ignore" or not value.isdecimal():
            raise ValueError(
                f"{path} has label {name} = {value!r}, a text. Write an integer, without quotes."
            )
    return found | {"labels": labels | {name: int(value) for name, value in texts.items()}}


def find_reader(dataset_json: Mapping, example: Path, plans: Path | None = None) -> type[BaseReaderWriter]:
    """nnU-Net's reader for the images and segmentations of a data set, without what it prints.

    Args:
        example: a file to be read. nnU-Net takes the first training image; where only that has directions that ITK does
            not read, another example finds a reader that cannot read all files.
        plans: whose reader is taken, if they exist and it reads such files.

    Raises:
        RuntimeError: none can read the example.
    """
    planned = read_json_or_empty(plans).get("image_reader_writer") if plans else None
    # Tracebacks of readers that cannot read the file, and warnings about the spacing of a TIFF file.
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        with suppress(RuntimeError):  # no reader of that name
            reader = recursive_find_reader_writer_by_name(planned) if planned else None
            if reader and dataset_json["file_ending"].lower() in reader.supported_file_endings:
                return reader
        return determine_reader_writer_from_dataset_json(dict(dataset_json), str(example), verbose=False)


def segmentations(folder: Path, ending: str) -> dict[str, Path]:
    """The files of a folder by case; not hidden ones, such as those that macOS writes beside each file."""
    files = sorted(path for path in Path(folder).glob(f"*{ending}") if not path.name.startswith("."))
    return {path.name.removesuffix(ending): path for path in files}


def training_pairs(folder: Path, dataset_json: Mapping) -> dict[str, tuple[Path, Path]]:
    """(first channel, label) of each case of a raw data set, where both exist; empty without the folder."""
    files = _expected_files(folder, dataset_json)
    return {case: files[case] for case in sorted(files) if all(path.is_file() for path in files[case])}


def training_labels(folder: Path, dataset_json: Mapping) -> dict[str, Path]:
    """The label of each case of a raw data set, also where the image was removed to save space."""
    files = _expected_files(folder, dataset_json)
    return {case: files[case][1] for case in sorted(files) if files[case][1].is_file()}


def _expected_files(folder: Path, dataset_json: Mapping) -> dict[str, tuple[Path, Path]]:
    """(first channel, label) of each case; not all of them need exist."""
    ending = dataset_json["file_ending"]
    if "dataset" in dataset_json:  # paths of the files, which nnU-Net's function replaces
        named = get_filenames_of_train_images_and_targets(str(folder), deepcopy(dict(dataset_json)))
        return {case: (Path(files["images"][0]), Path(files["label"])) for case, files in named.items()}
    # Without nnU-Net's function, which starts twelve processes.
    labels = {path.name.removesuffix(ending): path for path in (folder / "labelsTr").glob(f"*{ending}")}
    return {case: (folder / "imagesTr" / f"{case}_0000{ending}", label) for case, label in labels.items()}


def training_images(folder: Path, dataset_json: Mapping) -> dict[str, list[Path]]:
    """The files of all channels of each case of `training_pairs`, for 3D TIFF with that of their spacing."""
    ending, channels = dataset_json["file_ending"], defaultdict(list)
    pairs = training_pairs(folder, dataset_json)
    if "dataset" in dataset_json:
        named = get_filenames_of_train_images_and_targets(str(folder), deepcopy(dict(dataset_json)))
        channels |= {case: list(map(Path, named[case]["images"])) for case in pairs}
    else:
        for path in sorted((folder / "imagesTr").glob(f"*_[0-9][0-9][0-9][0-9]{ending}")):
            channels[path.name.removesuffix(ending)[: -len("_0000")]].append(path)
    if ending in ENDINGS:
        for files in channels.values():
            files += [file for file in [image_spacing_file(files[0])] if file.is_file()]
    return {case: channels[case] for case in pairs}


def read_splits(path: Path) -> list[Split]:
    """`splits_final.json`. Raises like `read_description`."""
    remedy = (
        "Put back the split that the models were trained on. If it was nnU-Net's own, delete the file: training "
        "creates it again."
    )
    splits = read_json(path, remedy, list)
    if not splits or not all(isinstance(fold, dict) and {"train", "val"} <= fold.keys() for fold in splits):
        raise ValueError(f"{path} is damaged: some folds lack train or val. {remedy}")
    return splits


def read_plans(path: Path) -> dict:
    """Plans of a data set or a model. Raises like `read_description`."""
    remedy = "Put the file back, or plan the data set again with the command that created it."
    return read_json(path, remedy, keys=("plans_name", "configurations"))


def check_model(folder: Path) -> None:
    """Raise ValueError if a file that nnU-Net reads from a model's folder is damaged; missing files are ignored."""
    for name, read in (("dataset.json", read_description), ("plans.json", read_plans)):
        if (folder / name).is_file():
            read(folder / name)

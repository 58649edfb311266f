"""The true segmentations that a comparison measures against, and what is known of their data set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunetv2.imageio.base_reader_writer import BaseReaderWriter
from nnunetv2.imageio.reader_writer_registry import determine_reader_writer_from_dataset_json
from nnunetv2.paths import nnUNet_preprocessed, nnUNet_raw
from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name

from ..dataset_files import read_description, read_splits


@dataclass(frozen=True)
class Truth:
    """The true segmentations of a data set.

    Attributes:
        folder: which holds CASE + ending.
        dataset_json: the data set's description.
        splits: validation cases of every fold; empty where the data set is not known.
        training: training cases of every fold; likewise.
        images: folder of the images, if they are to be shown.
    """

    folder: Path
    dataset_json: Mapping
    splits: Sequence[Sequence[str]] = ()
    training: Sequence[Sequence[str]] = ()
    images: Path | None = None

    @property
    def ending(self) -> str:
        return self.dataset_json["file_ending"]

    @property
    def cases(self) -> list[str]:
        """All that the folder holds, predicted or not."""
        return [path.name.removesuffix(self.ending) for path in sorted(self.folder.glob(f"*{self.ending}"))]

    def file(self, case: str) -> Path:
        return self.folder / f"{case}{self.ending}"

    def reader(self) -> BaseReaderWriter:
        """What reads and writes its files."""
        example = str(self.file(self.cases[0]))
        return determine_reader_writer_from_dataset_json(dict(self.dataset_json), example, verbose=False)()

    def image(self, case: str) -> Path | None:
        """The first channel, if it is there."""
        path = self.images / f"{case}_0000{self.ending}" if self.images else None
        return path if path and path.is_file() else None


def truth_of_dataset(dataset: str) -> Truth:
    """What nnU-Net's preprocessing left of a data set.

    Raises:
        FileNotFoundError: it is not preprocessed, or was never split.
        ValueError: one of its files is damaged.
    """
    folder = Path(str(nnUNet_preprocessed)) / maybe_convert_to_dataset_name(dataset)
    needed = {name: folder / name for name in ("dataset.json", "splits_final.json", "gt_segmentations")}
    for path in needed.values():
        if not path.exists():
            raise FileNotFoundError(
                f"{path} does not exist. Preprocess the data set and train a fold of it: nnUNetv2_plan_and_preprocess "
                f"-d {dataset}, nnUNetv2_train {dataset} 2d 0."
            )
    splits = read_splits(needed["splits_final.json"])
    return Truth(
        needed["gt_segmentations"],
        read_description(needed["dataset.json"]),
        splits=[split["val"] for split in splits],
        training=[split["train"] for split in splits],
        images=Path(str(nnUNet_raw)) / folder.name / "imagesTr",
    )


def truth_of_folder(folder: str | None, dataset_json: Path, images: str | None = None) -> Truth:
    """True segmentations in a folder, for predictions of any origin.

    Args:
        images: folder of the images, as nnU-Net names them.

    Raises:
        ValueError: no folder was given, or `dataset.json` is damaged.
        FileNotFoundError: the folder or `dataset.json` does not exist.
    """
    if folder is None:
        raise ValueError("--predictions needs --truth, the folder of the true segmentations.")
    if not Path(folder).is_dir():
        raise FileNotFoundError(f"{folder} is no folder: give --truth the folder of the true segmentations.")
    if not Path(dataset_json).is_file():
        raise FileNotFoundError(f"{dataset_json} does not exist: give --dataset-json the data set's.")
    shown = Path(images) if images else None
    if shown and not shown.is_dir():
        raise FileNotFoundError(
            f"{images} is no folder: give --images the folder of the images, or leave it out."
        )
    return Truth(Path(folder), read_description(Path(dataset_json)), images=shown)

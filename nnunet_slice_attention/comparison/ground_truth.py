"""The ground-truth segmentations of a comparison, and their data set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nnunetv2.imageio.base_reader_writer import BaseReaderWriter
from nnunetv2.paths import nnUNet_preprocessed, nnUNet_raw
from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name

from ..dataset_files import Split, dataset_id, find_reader, read_description, read_splits, segmentations
from ..tiff_spacing import Spacing


@dataclass(frozen=True)
class GroundTruth:
    """The ground-truth segmentations of a data set.

    Attributes:
        folder: with one file CASE + ending per case.
        dataset_json: content of the data set's `dataset.json`.
        splits: of each fold; empty for a folder.
        images: folder of the images, if examples are to be shown.
        raw: folder of the raw data set whose labels nnU-Net copied; None for a folder.
        spacings: by case, for files that have none, see `with_spacings`.
        plans: of a model trained on the data set, see `find_reader`.
    """

    folder: Path
    dataset_json: Mapping
    splits: Sequence[Split] = ()
    images: Path | None = None
    raw: Path | None = None
    spacings: Mapping[str, Spacing] = field(default_factory=dict)
    plans: Path | None = None

    @property
    def ending(self) -> str:
        return self.dataset_json["file_ending"]

    @property
    def cases(self) -> list[str]:
        """All cases in the folder, predicted or not."""
        return list(segmentations(self.folder, self.ending))

    def file(self, case: str) -> Path:
        return self.folder / f"{case}{self.ending}"

    def reader(self) -> BaseReaderWriter:
        """nnU-Net's reader for its files."""
        return find_reader(self.dataset_json, self.file(self.cases[0]), self.plans)()

    def image(self, case: str) -> Path | None:
        """The file of the first channel, if it exists."""
        path = self.images / f"{case}_0000{self.ending}" if self.images else None
        return path if path and path.is_file() else None

    @classmethod
    def from_dataset(cls, dataset: str) -> "GroundTruth":
        """Of a preprocessed data set.

        Raises:
            FileNotFoundError: the data set is not preprocessed, or was never split.
            ValueError: one of its files is damaged.
        """
        folder = Path(str(nnUNet_preprocessed)) / maybe_convert_to_dataset_name(dataset)
        needed = {name: folder / name for name in ("dataset.json", "splits_final.json", "gt_segmentations")}
        for path in needed.values():
            if not path.exists():
                raise FileNotFoundError(
                    f"{path} does not exist. Preprocess the data set and train one of its folds: "
                    f"nnUNetv2_plan_and_preprocess -d {dataset_id(dataset)}, nnUNetv2_train {dataset} 2d 0."
                )
        raw = Path(str(nnUNet_raw)) / folder.name
        return cls(
            needed["gt_segmentations"],
            read_description(needed["dataset.json"]),
            read_splits(needed["splits_final.json"]),
            images=raw / "imagesTr",
            raw=raw,
        )

    @classmethod
    def from_folder(
        cls, folder: str | Path | None, dataset_json: Path, images: str | Path | None = None
    ) -> "GroundTruth":
        """In a folder, for predictions of any origin.

        Args:
            images: folder of the images, with nnU-Net's file names.

        Raises:
            ValueError: no folder was given, or `dataset.json` is damaged.
            FileNotFoundError: the folder, `dataset.json` or the folder of images does not exist.
        """
        if not folder:
            raise ValueError(
                "predictions need the folder of the ground-truth segmentations: --truth, in Python ground_truth."
            )
        if not Path(folder).is_dir():
            raise FileNotFoundError(
                f"{folder} is not a folder. Give that of the ground truth with --truth (ground_truth in Python)."
            )
        if not dataset_json.is_file():
            raise FileNotFoundError(
                f"{dataset_json} does not exist. Give the data set's with --dataset-json (dataset_json in Python)."
            )
        if images and not Path(images).is_dir():
            raise FileNotFoundError(
                f"{images} is not a folder. Give the images' with --images (images in Python), or leave it out."
            )
        return cls(Path(folder), read_description(dataset_json), images=Path(images) if images else None)

"""A case to predict, and its results."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from nnunetv2.imageio.base_reader_writer import BaseReaderWriter
from nnunetv2.imageio.tif_reader_writer import Tiff3DIO

from ..image_files import check_complete
from ..tiff_spacing import ENDINGS, image_spacing_file

# nnU-Net's record of files and processes, next to its predictions
NNUNET_RECORD = "predict_from_raw_data_args.json"


@dataclass(frozen=True)
class Case:
    """One case.

    Attributes:
        images: its files, one per channel.
        output: the segmentation to write.
        ending: extension of the output, e.g. ".nii.gz".
        problem: what is wrong with the file names; "" if nothing.
    """

    images: tuple[Path, ...]
    output: Path
    ending: str
    problem: str = ""

    @property
    def stem(self) -> str:
        """The output without its extension, as nnU-Net expects it."""
        return str(self.output).removesuffix(self.ending)

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The images, and for 3D TIFF the file with their spacing, which may not exist."""
        spacing = (image_spacing_file(self.images[0]),) if self.ending in ENDINGS else ()
        return *self.images, *spacing

    @property
    def probabilities(self) -> Path:
        return Path(f"{self.stem}.npz")

    @property
    def properties(self) -> Path:
        """The image's properties, written with the probabilities."""
        return Path(f"{self.stem}.pkl")

    @property
    def spacing(self) -> Path:
        """Written with 3D TIFF segmentations."""
        return Path(f"{self.stem}.json")

    @property
    def results(self) -> tuple[Path, ...]:
        """All files that nnU-Net writes: segmentation, probabilities with properties, and for TIFF the spacing."""
        spacing = (self.spacing,) if self.ending in ENDINGS else ()
        return self.output, self.probabilities, self.properties, *spacing


def is_finished(case: Case, reader_writer: BaseReaderWriter, with_probabilities: bool = False) -> bool:
    """Whether the segmentation, and for 3D TIFF its spacing, exists and is not damaged.

    Args:
        case: the case.
        reader_writer: nnU-Net's reader for the data set.
        with_probabilities: check the probabilities too, and whether the properties exist that ensembling needs.
    """
    if isinstance(reader_writer, Tiff3DIO) and not case.spacing.is_file():
        return False
    if with_probabilities and not case.properties.is_file():
        return False
    try:
        check_complete(case.output)
        reader_writer.read_seg(str(case.output))  # for TIFF also the spacing
        if with_probabilities:
            with np.load(case.probabilities) as file:
                file["probabilities"]
    except Exception:  # readers can raise anything
        return False
    return True


def remove_results(case: Case) -> None:
    """Remove files of an earlier or failed prediction, so that nothing old or partial looks finished."""
    for path in case.results:
        if path.is_file():
            path.unlink()

"""Reads a ground truth and its prediction, and refuses pairs that cannot be compared."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from nnunetv2.imageio.base_reader_writer import BaseReaderWriter

from ..image_files import check_complete
from ..image_geometry import SAME, Geometry, geometry_mismatch, is_2d, max_displacement_mm
from ..label_values import value_problem
from ..tiff_spacing import ENDINGS, Spacing, read_segmentation, segmentation_spacing_file, unknown_spacing
from .labels import Labels


@dataclass(frozen=True)
class Pair:
    """Ground truth and prediction of one case, label maps (S, H, W).

    Attributes:
        spacing: of the ground truth, in mm, (S, H, W).
        slice_axis: axis of the file that S was.
        header_offset: largest distance in mm between the positions of a voxel by the two headers; 0 if they agree.
    """

    truth: np.ndarray
    prediction: np.ndarray
    spacing: tuple[float, float, float]
    slice_axis: int = 0
    header_offset: float = 0.0

    def slices_first(self, volume: np.ndarray) -> np.ndarray:
        """A volume in the file's axis order, e.g. a probability map, as (S, H, W)."""
        return np.moveaxis(volume, self.slice_axis, 0)

    def to_file_axes(self, volume: np.ndarray) -> np.ndarray:
        """The inverse of `slices_first`."""
        return np.moveaxis(volume, 0, self.slice_axis)

    def masks(self, labels: Labels, structure: str) -> tuple[np.ndarray, np.ndarray]:
        """Ground truth and prediction of one structure, bool (S, H, W), False in ignored voxels."""
        values, evaluated = labels.structures[structure], self.evaluated_voxels(labels)
        return tuple(np.isin(volume, values) & evaluated for volume in (self.truth, self.prediction))

    def evaluated_voxels(self, labels: Labels) -> np.ndarray:
        """bool (S, H, W), False where the ground truth has the ignore label."""
        return np.ones(self.truth.shape, bool) if labels.ignore is None else self.truth != labels.ignore


def find_slice_axis(
    reader: BaseReaderWriter, files: Iterable[Path], known: Mapping[Path, Spacing] | None = None
) -> int:
    """The array axis along which a data set's slices are stacked: the one with the largest median spacing.

    Args:
        known: spacings of files that have none.

    Raises:
        ValueError: a file is a 2D image, or its spacing is unknown.
    """
    spacings = []
    for file in files:
        header = read_segmentation(reader, file)[1]
        spacing = np.asarray(_spacing(header, file, (known or {}).get(file)), float)
        if is_2d(spacing):
            raise ValueError(
                f"{file} is a 2D image, but metrics along slices and in ml need volumes. Compare 3D data."
            )
        spacings.append(spacing)
    return int(np.argmax(np.median(spacings, axis=0)))


def read_pair(
    reader: BaseReaderWriter,
    truth: Path,
    prediction: Path,
    labels: Labels,
    slice_axis: int = 0,
    spacing: Spacing | None = None,
) -> Pair:
    """Read one case to compare it voxel by voxel, as nnU-Net does: headers may differ slightly, see `image_geometry`.

    A prediction without spacing (TIFF) has that of the ground truth.

    Args:
        slice_axis: axis of the file along which slices are stacked, see `find_slice_axis`.
        spacing: of a ground truth whose file has none.

    Raises:
        OSError: a file is truncated.
        ValueError: the files are not of the same image by shape or header, or contain a label that the data set lacks;
            the spacing of the ground truth is unknown.
    """
    for path, next_step in ((truth, "Restore this file"), (prediction, "Predict this case again")):
        try:
            check_complete(path)
        except OSError as error:
            raise OSError(f"{path}: {error}. {next_step}.") from error
    (true_labels, true_header), (predicted, predicted_header) = (
        read_segmentation(reader, path) for path in (truth, prediction)
    )
    true_labels, predicted = (
        _single_volume(v, p) for v, p in ((true_labels, truth), (predicted, prediction))
    )
    true_header = true_header | {"spacing": _spacing(true_header, truth, spacing)}
    if predicted_header["spacing"] is None:
        predicted_header = true_header
    true_geometry = Geometry.from_reader(true_header, true_labels.shape)
    predicted_geometry = Geometry.from_reader(predicted_header, predicted.shape)
    if found := geometry_mismatch(true_geometry, predicted_geometry):
        name, theirs, ours, limit = found
        holder = "spacing file" if prediction.suffix.lower() in ENDINGS else "header"
        raise ValueError(
            f"{prediction} has {name} {theirs}, but its ground truth {truth} has {ours}; {limit}. Predict the image of "
            f"this ground truth. If it was that image, fix the {holder} that is wrong."
        )
    offset = max_displacement_mm(true_geometry, predicted_geometry)
    for volume, path in ((true_labels, truth), (predicted, prediction)):
        if problem := value_problem(volume, labels.allowed):
            raise ValueError(f"{path} {problem}")
    spacing = tuple(float(s) for s in true_header["spacing"])
    return Pair(
        np.moveaxis(true_labels.astype(np.int32), slice_axis, 0),
        np.moveaxis(predicted.astype(np.int32), slice_axis, 0),
        (spacing[slice_axis], *(s for axis, s in enumerate(spacing) if axis != slice_axis)),
        slice_axis,
        offset if offset > SAME else 0.0,
    )


def _spacing(header: Mapping, file: Path, known: Spacing | None) -> Spacing:
    """In mm. `known` is used only if the file has none."""
    spacing = known if header["spacing"] is None else header["spacing"]
    if spacing is None:
        raise ValueError(unknown_spacing(file, [segmentation_spacing_file(file)]))
    return tuple(float(s) for s in spacing)


def _single_volume(volume: np.ndarray, path: Path) -> np.ndarray:
    """(1, S, H, W), as nnU-Net reads segmentations, to (S, H, W)."""
    if volume.ndim != 4 or len(volume) != 1:
        raise ValueError(f"{path} has shape {volume.shape}: expected a single 3D label map. Convert it.")
    return volume[0]

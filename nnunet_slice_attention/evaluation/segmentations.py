"""Reading a truth and its prediction, and refusing what cannot be compared."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from nnunetv2.imageio.base_reader_writer import BaseReaderWriter
from nnunetv2.utilities.label_handling.label_handling import LabelManager

from ..image_files import check_complete
from ..image_geometry import SAME, Geometry, geometry_mismatch, is_2d, max_displacement_mm

FOREGROUND = "foreground (all classes)"


@dataclass(frozen=True)
class Labels:
    """What a data set's labels mean.

    Attributes:
        structures: the labels of every class or region by its name, and of all together as `FOREGROUND`.
        channels: where nnU-Net's probabilities have them; the foreground has no channel.
        ignore: the label of voxels that count for nothing, if there is one.
        background: the label of everything else.
        entries: of `dataset.json`, what nnU-Net makes its own `LabelManager` of.
    """

    structures: dict[str, tuple[int, ...]]
    channels: dict[str, int]
    ignore: int | None
    background: int = 0
    entries: Mapping = field(default_factory=dict)

    @classmethod
    def of_dataset(cls, dataset_json: Mapping) -> "Labels":
        """From the entry "labels" of `dataset.json`."""
        labels = dict(dataset_json["labels"])
        background, ignore = labels.pop("background", 0), labels.pop("ignore", None)
        structures = {
            name: tuple(value) if isinstance(value, list | tuple) else (value,)
            for name, value in labels.items()
        }
        by_region = any(len(group) > 1 for group in structures.values())  # nnU-Net's rule
        channels = {name: i if by_region else group[0] for i, (name, group) in enumerate(structures.items())}
        every = tuple(sorted({label for group in structures.values() for label in group}))
        if len(structures) > 1:
            structures[FOREGROUND] = every
        entries = {
            "label_dict": dict(dataset_json["labels"]),
            "regions_class_order": dataset_json.get("regions_class_order"),
        }
        return cls(structures, channels, ignore, background, entries)

    def manager(self) -> LabelManager:
        """nnU-Net's."""
        return LabelManager(**self.entries)

    @property
    def known(self) -> set[int]:
        """Every label a file may hold."""
        found = {label for group in self.structures.values() for label in group} | {self.background}
        return found | ({self.ignore} if self.ignore is not None else set())


@dataclass(frozen=True)
class Pair:
    """Truth and prediction of one case, (S, H, W) of labels; spacing in mm; S is the axis of the thick slices.

    Attributes:
        spacing: the truth's.
        thick: which axis of the file S is.
        headers_apart: mm, how far apart the headers put the same voxel, at most; 0 where they agree.
    """

    truth: np.ndarray
    prediction: np.ndarray
    spacing: tuple[float, float, float]
    thick: int = 0
    headers_apart: float = 0.0

    def as_read(self, volume: np.ndarray) -> np.ndarray:
        """A volume in the axes of the files, e.g. a probability, to (S, H, W)."""
        return np.moveaxis(volume, self.thick, 0)

    def as_file(self, volume: np.ndarray) -> np.ndarray:
        """The reverse of `as_read`."""
        return np.moveaxis(volume, 0, self.thick)

    def masks(self, labels: Labels, structure: str) -> tuple[np.ndarray, np.ndarray]:
        """Truth and prediction of one structure, without the ignored voxels."""
        inside, counted = labels.structures[structure], self.counted(labels)
        return tuple(np.isin(volume, inside) & counted for volume in (self.truth, self.prediction))

    def counted(self, labels: Labels) -> np.ndarray:
        """(S, H, W) of bool, False where the truth is to be ignored."""
        return np.ones(self.truth.shape, bool) if labels.ignore is None else self.truth != labels.ignore


def stack_axis(reader: BaseReaderWriter, files: Iterable[Path]) -> int:
    """Along which axis of the arrays the slices of a data set are stacked: that of the largest median spacing.

    Raises:
        ValueError: 2D images.
    """
    spacings = []
    for file in files:
        spacing = np.asarray(reader.read_seg(str(file))[1]["spacing"], float)
        if is_2d(spacing):
            raise ValueError(f"{file} is a 2D image: what is compared along slices and in ml needs volumes.")
        spacings.append(spacing)
    return int(np.argmax(np.median(spacings, axis=0)))


def read_pair(
    reader: BaseReaderWriter, truth: Path, prediction: Path, labels: Labels, thick: int = 0
) -> Pair:
    """Read one case, voxel by voxel, as nnU-Net does: headers may differ a little, see `image_geometry`.

    Args:
        thick: axis of the files along which slices are stacked, see `stack_axis`.

    Raises:
        OSError: a file is cut off.
        ValueError: the two are of different images by shape or header, or hold a label that the data set does not have.
    """
    for path, next_step in ((truth, "Restore this truth"), (prediction, "Predict this case again")):
        try:
            check_complete(path)
        except OSError as error:
            raise OSError(f"{path}: {error}. {next_step}.") from error
    (true_labels, of_truth), (predicted, of_prediction) = (
        reader.read_seg(str(p)) for p in (truth, prediction)
    )
    true_labels, predicted = (_one_volume(v, p) for v, p in ((true_labels, truth), (predicted, prediction)))
    reference = Geometry.from_reader(of_truth, true_labels.shape)
    other = Geometry.from_reader(of_prediction, predicted.shape)
    if found := geometry_mismatch(reference, other):
        name, theirs, ours, limit = found
        raise ValueError(
            f"{prediction} has the {name} {theirs}, its truth {truth} {ours}; {limit}. Predict the images that belong "
            "to this truth. If they are, mend the header that is wrong."
        )
    apart = max_displacement_mm(reference, other)
    for volume, path in ((true_labels, truth), (predicted, prediction)):
        unknown = sorted(set(np.unique(volume).tolist()) - labels.known)
        if unknown:
            raise ValueError(
                f"{path} holds the label {unknown[0]:g}; the data set has {', '.join(map(str, sorted(labels.known)))}."
            )
    spacing = tuple(float(s) for s in of_truth["spacing"])
    return Pair(
        np.moveaxis(true_labels, thick, 0),
        np.moveaxis(predicted, thick, 0),
        (spacing[thick], *(s for axis, s in enumerate(spacing) if axis != thick)),
        thick,
        apart if apart > SAME else 0.0,
    )


def _one_volume(volume: np.ndarray, path: Path) -> np.ndarray:
    """(1, S, H, W) of floats, as nnU-Net reads segmentations, to (S, H, W) of integers."""
    if volume.ndim != 4 or len(volume) != 1:
        raise ValueError(f"{path} has the shape {volume.shape}: expected one volume of labels.")
    if not np.array_equal(volume, np.round(volume)):
        raise ValueError(
            f"{path} holds values that are no labels, e.g. {volume[volume != np.round(volume)][0]:g}."
        )
    return volume[0].astype(np.int32)

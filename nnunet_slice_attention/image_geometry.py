"""Geometry of volumes from their headers, and the limits within which files of one case may differ.

nnU-Net trains and evaluates voxel by voxel and ignores the headers of labels. With `--verify_dataset_integrity` it
rejects a different spacing and warns about a different origin or direction; without it, it does not check. So headers
that differ as programs make them differ when saving (rounding, corner instead of centre of a voxel) are accepted in a
comparison, and headers of another image are not.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import SimpleITK
from nnunetv2.imageio.nibabel_reader_writer import NibabelIO
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

from .files import in_threads

# Of the missing axis of 2D images in nnU-Net's readers, in units of the largest in-plane spacing.
DUMMY_SPACING = 999
SAME = 1e-3  # mm; file formats round
# The error of reported mm and ml is then below their rounding. Rounding to two decimals is within the limit.
SPACING_LIMIT = 0.01  # relative
# More than a whole voxel is another crop of the image; half a voxel is corner instead of centre.
ORIGIN_LIMIT = 1.0  # voxels, along each axis
# Swapped axes differ by 90 degrees, flipped ones by 180, rounding by less than one.
DIRECTION_LIMIT = 5.0  # degrees, per axis


@dataclass(frozen=True)
class Geometry:
    """Geometry of one volume, axes in the order x, y, z.

    Attributes:
        shape: in voxels.
        spacing: in mm.
        affine: (4, 4), voxels to mm; origin 0 and identity direction if the format has neither.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    affine: np.ndarray

    @classmethod
    def from_reader(cls, properties: Mapping[str, Any], shape: Sequence[int]) -> "Geometry":
        """From the properties that nnU-Net's reader returns for a volume of shape (z, y, x)."""
        spacing = tuple(float(s) for s in properties["spacing"])[::-1]
        affine = np.diag([*spacing, 1.0])
        itk, nifti = properties.get("sitk_stuff", {}), properties.get("nibabel_stuff", {})
        if itk:
            affine = itk_affine(itk["spacing"], itk["origin"], itk["direction"])
        elif nifti:  # that of the array, if the reader reoriented it
            affine = np.asarray(nifti.get("reoriented_affine", nifti["original_affine"]), float)
        return cls(tuple(int(n) for n in shape)[::-1], spacing, affine)

    @classmethod
    def of_file(cls, path: Path, properties: Mapping[str, Any], shape: Sequence[int]) -> "Geometry":
        """Geometry stored in the file; `from_reader` gives that of the array, which the reader may have reoriented."""
        if "nibabel_stuff" in properties:
            return _nifti_header(path)
        return _itk_header(path) if "sitk_stuff" in properties else cls.from_reader(properties, shape)

    @property
    def origin(self) -> np.ndarray:
        """(3,) in mm."""
        return self.affine[:3, 3]

    @property
    def direction(self) -> np.ndarray:
        """(3, 3), one unit vector per column."""
        return self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0)


def itk_affine(spacing: Sequence[float], origin: Sequence[float], direction: Sequence[float]) -> np.ndarray:
    """(4, 4) from ITK's header, direction row-major; for 4D the first three axes, for 2D in the plane z = 0."""
    axes, n = len(origin), min(3, len(origin))
    affine = np.eye(4)
    affine[:n, :n] = (np.reshape(direction, (axes, axes)) * np.asarray(spacing))[:n, :n]
    affine[:n, 3] = origin[:n]
    return affine


def max_displacement_mm(one: Geometry, other: Geometry) -> float:
    """Maximum distance in mm between the positions of the same voxel, for equal shapes; below `SAME` it is rounding."""
    corners = np.array([[*corner, 1] for corner in product(*((0, n - 1) for n in one.shape))])
    return float(np.linalg.norm((corners @ (one.affine - other.affine).T)[:, :3], axis=1).max())


def geometry_mismatch(reference: Geometry, other: Geometry) -> tuple[str, str, str, str] | None:
    """What differs too much for files of one image: (name, value of `other`, value of `reference`, limit), or None."""
    if reference.shape != other.shape:
        return "shape", str(other.shape[::-1]), str(reference.shape[::-1]), "they must be equal"
    ratio = np.asarray(other.spacing) / np.asarray(reference.spacing)
    if np.abs(ratio - 1).max() > SPACING_LIMIT:
        limit = f"the limit is {100 * SPACING_LIMIT:g} %"
        return "spacing", _text(other.spacing), _text(reference.spacing), limit
    cosines = (reference.direction * other.direction).sum(axis=0)
    if np.degrees(np.arccos(np.clip(cosines, -1, 1))).max() > DIRECTION_LIMIT:
        limit = f"the limit is {DIRECTION_LIMIT:g} degrees for each axis"
        return "direction", _text(other.direction.ravel()), _text(reference.direction.ravel()), limit
    voxels = np.linalg.solve(reference.affine[:3, :3], other.origin - reference.origin)
    if np.abs(voxels).max() > ORIGIN_LIMIT:
        limit = f"the limit is {ORIGIN_LIMIT:g} voxel along each axis"
        return "origin", _text(other.origin), _text(reference.origin), limit
    return None


def is_2d(spacing: Sequence[float]) -> bool:
    """Whether a spacing (3 values, slices first) is that of a 2D image in nnU-Net's readers."""
    return bool(np.isclose(spacing[0], DUMMY_SPACING * max(spacing[1:]), rtol=1e-3))


def four_dimensions(path: Path) -> tuple[int, ...] | None:
    """The size (x, y, z, time or channel) of an image with four dimensions; None for others and damaged files.

    nnU-Net's ITK reader takes the volumes of such a file for channels and trains on them, but its writer refuses the
    segmentation, in the validation after the last epoch and in prediction. Its other readers refuse the image.
    """
    try:
        size = _itk_information(path).GetSize()
    except RuntimeError:
        return None
    return size if len(size) == 4 else None


def four_dimensional(images: Iterable[Path]) -> list[Path]:
    """Those with `four_dimensions`."""
    return [image for image, size in in_threads(four_dimensions, images).items() if size]


def _itk_information(path: Path) -> SimpleITK.ImageFileReader:
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    return reader


def _itk_header(path: Path) -> Geometry:
    reader = _itk_information(path)
    affine = itk_affine(reader.GetSpacing(), reader.GetOrigin(), reader.GetDirection())
    shape, spacing = ((*values, 1)[:3] for values in (reader.GetSize(), reader.GetSpacing()))
    return Geometry(shape, spacing, affine)


def _nifti_header(path: Path) -> Geometry:
    image = nibabel.load(path)
    properties = {
        "spacing": [float(s) for s in image.header.get_zooms()[::-1]],
        "nibabel_stuff": {"original_affine": image.affine},
    }
    return Geometry.from_reader(properties, image.shape[::-1])


# Without readers that reorient images, and formats without geometry.
HEADERS: dict[type, Callable[[Path], Geometry]] = {SimpleITKIO: _itk_header, NibabelIO: _nifti_header}


def _text(values: Sequence[float]) -> str:
    """With few digits and no negative zero."""
    return f"({', '.join(f'{value + 0.0:.6g}' for value in np.asarray(values, float))})"

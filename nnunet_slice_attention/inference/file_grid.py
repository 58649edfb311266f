"""The voxels of an image file, and those of nnU-Net's array of it, which some of its readers reorient."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from nibabel.orientations import io_orientation, ornt_transform

from ..image_geometry import Geometry

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])  # ITK's axes in mm, and NIfTI's

Voxel = tuple[int, int, int]


@dataclass(frozen=True)
class FileGrid:
    """Grids of a file and of the array that nnU-Net's reader returns.

    Attributes:
        file, array: their geometry.
        to_ras: (4, 4), from the reader's mm to NIfTI's.
    """

    file: Geometry
    array: Geometry
    to_ras: np.ndarray

    @classmethod
    def of(cls, path: Path, properties: Mapping[str, Any], shape: Sequence[int]) -> "FileGrid":
        """From a file, and what the reader returns for it: properties, and the shape (z, y, x) of one channel."""
        to_ras = LPS_TO_RAS if "sitk_stuff" in properties else np.eye(4)
        file = Geometry.of_file(path, properties, shape)
        return cls(file, Geometry.from_reader(properties, shape), to_ras)

    def has(self, voxel: Voxel) -> bool:
        return all(0 <= index < size for index, size in zip(voxel, self.file.shape, strict=True))

    def in_array(self, voxel: Voxel) -> Voxel:
        """The index (z, y, x) in the array of a voxel (i, j, k) of the file."""
        mm = self.file.affine @ [*voxel, 1]
        i, j, k, _ = np.rint(np.linalg.solve(self.array.affine, mm)).astype(int).tolist()
        return k, j, i

    def as_nifti(self, values: np.ndarray) -> nibabel.Nifti1Image:
        """An array (z, y, x) as float32 on the file's grid."""
        image = nibabel.Nifti1Image(values.T.astype(np.float32), self.to_ras @ self.array.affine)
        change = ornt_transform(io_orientation(self.array.affine), io_orientation(self.file.affine))
        return nibabel.Nifti1Image(image.as_reoriented(change).dataobj, self.to_ras @ self.file.affine)

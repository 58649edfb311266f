"""Where the voxels of an image lie, by its header alone."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK

DUMMY_SPACING = 999  # which nnU-Net's readers give the missing axis of 2D images, in units of the others


@dataclass(frozen=True)
class Geometry:
    """Of an image of N dimensions, in ITK's order of the axes, x first; lengths in mm.

    Attributes:
        size: in voxels.
        direction: (N, N), the axes of the grid as columns.
    """

    size: tuple[int, ...]
    spacing: tuple[float, ...]
    origin: tuple[float, ...]
    direction: np.ndarray

    @classmethod
    def of_file(cls, path: Path) -> "Geometry":
        """Raise RuntimeError if ITK does not read the file's header."""
        reader = SimpleITK.ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        n = reader.GetDimension()
        direction = np.reshape(reader.GetDirection(), (n, n))
        return cls(reader.GetSize(), reader.GetSpacing(), reader.GetOrigin(), direction)

    def corners(self) -> np.ndarray:
        """(2^N, N) in mm: the centres of the grid's outermost voxels."""
        ends = [(0, n - 1) for n in self.size]
        index = np.stack(np.meshgrid(*ends, indexing="ij"), -1).reshape(-1, len(self.size))
        return self.origin + index * self.spacing @ self.direction.T

    def shift_to(self, other: "Geometry") -> float:
        """How far, in mm, the same voxel of another image of this size lies from here, where that is farthest."""
        return float(np.linalg.norm(self.corners() - other.corners(), axis=1).max())


def is_2d(spacing: np.ndarray) -> bool:
    """Whether a spacing (3 values, slices first) is what nnU-Net's readers give a 2D image."""
    return bool(np.isclose(spacing[0], DUMMY_SPACING * max(spacing[1:]), rtol=1e-3))

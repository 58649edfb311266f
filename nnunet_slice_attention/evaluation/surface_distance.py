"""Distances between the surfaces of two segmentations, computed once and reduced to HD, HD95 and NSD.

Two definitions of a surface are in use, and their values are not comparable. The Hausdorff distance is measured between
edge voxels, as in MONAI and most challenges. The normalised surface distance weights each surface element by its area
(Nikolov et al., *Clinically applicable segmentation of head and neck anatomy for radiotherapy*, JMIR 2021), because
with thick slices the area that an edge voxel represents depends strongly on the orientation of the surface.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from scipy.ndimage import binary_erosion, distance_transform_edt, generate_binary_structure
from skimage.measure import marching_cubes

from .boxes import bounding_box

ROUNDING = 1e-4  # mm; NIfTI stores spacing in single precision
# Of a cell of 2 x 2 x 2 voxels; bit i of its code is corner i.
CORNERS = np.array(list(product((0, 1), repeat=3)))


@dataclass(frozen=True)
class SurfaceDistances:
    """Distances in mm from each of two surfaces to the nearest point of the other.

    Attributes:
        edges: distances of all edge voxels, for both directions.
        surfels: distances of all surface elements, for both directions.
        areas: areas of the surface elements in mm^2.
    """

    edges: tuple[np.ndarray, np.ndarray]
    surfels: tuple[np.ndarray, np.ndarray]
    areas: tuple[np.ndarray, np.ndarray]

    def hausdorff(self, percentile: float = 100) -> float:
        """Maximum of the two directed percentiles, in mm."""
        return float(max(np.percentile(distances, percentile) for distances in self.edges))

    def within(self, tolerance: float) -> float:
        """Normalised surface distance: the fraction of both surfaces' area within `tolerance` mm of the other."""
        near = sum(
            area[distances <= tolerance + ROUNDING].sum()
            for distances, area in zip(self.surfels, self.areas, strict=True)
        )
        return float(near / sum(area.sum() for area in self.areas))


def surface_distances(a: np.ndarray, b: np.ndarray, spacing: Sequence[float]) -> SurfaceDistances:
    """Surface distances of two masks.

    Args:
        a, b: bool (S, H, W), neither empty.
        spacing: in mm, (S, H, W).

    Raises:
        ValueError: different shapes, not three axes, an empty mask, or a spacing that is not positive.
    """
    if a.shape != b.shape or a.ndim != 3:
        raise ValueError(f"masks have shapes {a.shape} and {b.shape}: expected equal shapes with three axes.")
    if len(spacing) != 3 or not all(s > 0 for s in spacing):
        raise ValueError(f"spacing {tuple(spacing)} is not three positive lengths in mm.")
    if not (a.any() and b.any()):
        raise ValueError("an empty mask has no surface; `metrics.py` defines what is reported instead.")
    a, b = _crop(a, b)
    edges = _directed(
        *(mask & ~binary_erosion(mask, generate_binary_structure(3, 1)) for mask in (a, b)), spacing
    )
    codes = [_neighbour_codes(mask) for mask in (a, b)]
    borders = [(code != 0) & (code != 255) for code in codes]
    areas = surfel_areas(tuple(map(float, spacing)))
    return SurfaceDistances(
        edges,
        _directed(*borders, spacing),
        tuple(areas[code[border]] for code, border in zip(codes, borders, strict=True)),
    )


def _crop(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both masks cropped to their common bounding box, with a margin of one background voxel."""
    box = bounding_box(a | b, (0, 0, 0))
    return tuple(np.pad(mask[box], 1) for mask in (a, b))


def _directed(a: np.ndarray, b: np.ndarray, spacing: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Distances from the voxels of `a` to the nearest of `b`, and vice versa."""
    return distance_transform_edt(~b, spacing)[a], distance_transform_edt(~a, spacing)[b]


def _neighbour_codes(mask: np.ndarray) -> np.ndarray:
    """For each cell of 2 x 2 x 2 voxels, one bit per voxel that is inside."""
    code = np.zeros([n - 1 for n in mask.shape], np.uint8)
    for bit, corner in enumerate(CORNERS):
        code |= mask[tuple(slice(c, n - 1 + c) for c, n in zip(corner, mask.shape, strict=True))].astype(
            np.uint8
        ) << np.uint8(bit)
    return code


@cache
def surfel_areas(spacing: tuple[float, float, float]) -> np.ndarray:
    """Surface area in mm^2 in a cell, for each of the 256 patterns of inside voxels (marching cubes).

    A pattern and its complement have the same area. In ambiguous patterns the minority voxels are not connected, as in
    the reference implementation of Nikolov et al.
    """
    areas = np.zeros(256)
    for code in range(1, 255):
        if code.bit_count() > 4:
            continue
        cell = np.zeros((2, 2, 2))
        for bit, corner in enumerate(CORNERS):
            cell[tuple(corner)] = code >> bit & 1
        vertices, faces, *_ = marching_cubes(cell, 0.5, spacing=spacing, method="lorensen")
        p, q, r = (vertices[faces[:, i]] for i in range(3))
        areas[code] = np.linalg.norm(np.cross(q - p, r - p), axis=1).sum() / 2
    return np.maximum(areas, areas[::-1])

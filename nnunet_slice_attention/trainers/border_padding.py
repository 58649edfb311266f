"""A preprocessed data set with empty slices added at both ends of its volumes.

nnU-Net's loader never lets a patch start outside the volume unless the patch is larger, so the first and last
slices would be sampled less often than the others, and never in a slab's middle. `SlabRule.margin` is the number of
empty slices to add at both ends.
"""

from typing import Any

import numpy as np

from ..augmentation.slice_coherent import OUTSIDE


class PaddedVolume:
    """A (C, Z, Y, X) array with `margin` constant slices before and after. Reads lazily."""

    def __init__(self, volume: Any, margin: int, fill: int):
        self.volume, self.margin, self.fill = volume, margin, fill
        self.dtype = volume.dtype
        channels, depth, height, width = volume.shape
        self.shape = (channels, depth + 2 * margin, height, width)
        self.ndim = 4

    def __getitem__(self, index: tuple[slice, slice, slice, slice]) -> np.ndarray:
        channels, z, y, x = index
        start, stop, _ = z.indices(self.shape[1])
        first, last = start - self.margin, stop - self.margin
        depth = self.volume.shape[1]
        inside = np.asarray(self.volume[channels, max(first, 0) : max(0, min(last, depth)), y, x])
        before, after = min(max(-first, 0), stop - start), min(max(last - depth, 0), stop - start)
        return np.pad(inside, ((0, 0), (before, after), (0, 0), (0, 0)), constant_values=self.fill)


class BorderPaddedDataset:
    """Wraps an nnU-Net data set; `load_case` pads image (0) and segmentation (-1) and shifts the class locations."""

    def __init__(self, dataset: Any, margin: int):
        self.dataset, self.margin = dataset, margin
        self.identifiers = dataset.identifiers

    def load_case(self, identifier: str) -> tuple[PaddedVolume, PaddedVolume, None, dict]:
        data, seg, _, properties = self.dataset.load_case(identifier)
        properties = dict(properties)
        shift = np.array([[0, self.margin, 0, 0]])
        properties["class_locations"] = {
            label: voxels + shift if len(voxels) else voxels
            for label, voxels in properties["class_locations"].items()
        }
        return PaddedVolume(data, self.margin, 0), PaddedVolume(seg, self.margin, OUTSIDE), None, properties

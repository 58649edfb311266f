"""A preprocessed data set whose images have each slice's position in its volume as one more channel, the last.

As in prediction: (index + 1/2) / number of slices, see `networks/slice_position.py`.
"""

import numpy as np

from .border_padding import BorderPaddedDataset, PaddedVolume


class PlacedVolume:
    """A padded volume (C, Z, Y, X) with a channel more; its margins do not count, their position is 0. Reads lazily."""

    def __init__(self, padded: PaddedVolume):
        self.padded, self.dtype, self.ndim = padded, padded.dtype, 4
        channels, *size = padded.shape
        self.shape = (channels + 1, *size)
        margin, depth = padded.margin, padded.volume.shape[1]
        self.positions = np.pad((np.arange(depth) + 0.5) / depth, margin).astype(self.dtype)

    def __getitem__(self, index: tuple[slice, slice, slice, slice]) -> np.ndarray:
        channels, z, y, x = index
        image = self.padded[slice(None), z, y, x]
        positions = np.broadcast_to(self.positions[z, None, None], image.shape[1:])
        return np.concatenate([image, positions[None]])[channels]


class PlacedDataset:
    """Wraps a `BorderPaddedDataset`; `load_case` adds the channel to the image."""

    def __init__(self, dataset: BorderPaddedDataset):
        self.dataset = dataset
        self.identifiers = dataset.identifiers

    def load_case(self, identifier: str) -> tuple[PlacedVolume, PaddedVolume, None, dict]:
        data, *others = self.dataset.load_case(identifier)
        return PlacedVolume(data), *others

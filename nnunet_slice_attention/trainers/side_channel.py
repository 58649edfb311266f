"""Preprocessed data sets whose images have an extra channel with one value per slice, appended last.

See `networks/side_channel.py`; the values are those of prediction.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..plans.slice_spacing import slice_distance

Values = Callable[[int, Mapping], np.ndarray]  # one per slice, from (number of slices, nnU-Net's properties)


def positions(n_slices: int, properties: Mapping) -> np.ndarray:
    """(index + 1/2) / number of slices: (n_slices,)."""
    return (np.arange(n_slices) + 0.5) / n_slices


def distances(n_slices: int, properties: Mapping, plans: Mapping) -> np.ndarray:
    """The case's slice spacing in units of the model's reference, for each slice: (n_slices,)."""
    return np.full(n_slices, slice_distance(properties, plans))


class SideChannelVolume:
    """A (C, Z, Y, X) array with an extra channel, `values` (Z,), appended last. Reads lazily."""

    def __init__(self, volume: Any, values: np.ndarray):
        self.volume, self.values = volume, values.astype(volume.dtype)
        self.dtype, self.ndim = volume.dtype, 4
        channels, *size = volume.shape
        self.shape = (channels + 1, *size)

    def __getitem__(self, index: slice | tuple[slice, ...]) -> np.ndarray:
        index = index if isinstance(index, tuple) else (index,)
        channels, z, y, x = index + (slice(None),) * (4 - len(index))
        image = np.asarray(self.volume[slice(None), z, y, x])
        channel = np.broadcast_to(self.values[z, None, None], image.shape[1:])
        return np.concatenate([image, channel[None]])[channels]


class SideChannelDataset:
    """Wraps an nnU-Net data set; `load_case` adds the channel to the image."""

    def __init__(self, dataset: Any, values: Values):
        self.dataset, self.values = dataset, values
        self.identifiers = dataset.identifiers

    def load_case(self, identifier: str) -> tuple[SideChannelVolume, Any, Any, dict]:
        data, seg, seg_prev, properties = self.dataset.load_case(identifier)
        return SideChannelVolume(data, self.values(data.shape[1], properties)), seg, seg_prev, properties


class SideChannelDatasetClass:
    """Wraps an nnU-Net data set's class: its instances are `SideChannelDataset`s."""

    def __init__(self, dataset_class: type, values: Values):
        self.dataset_class, self.values = dataset_class, values

    def __call__(self, *args: Any, **kwargs: Any) -> SideChannelDataset:
        return SideChannelDataset(self.dataset_class(*args, **kwargs), self.values)

    def __getattr__(self, name: str) -> Any:
        """What nnU-Net calls on the class itself."""
        return getattr(self.dataset_class, name)

"""The labels of a data set, from its `dataset.json`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nnunetv2.utilities.label_handling.label_handling import LabelManager

from ..label_values import known_labels
from .metrics import FOREGROUND


@dataclass(frozen=True)
class Labels:
    """The labels of a data set.

    Attributes:
        structures: label values by name of class or region; all of them together as `FOREGROUND`.
        channels: channel in nnU-Net's probabilities by name; `FOREGROUND` has none.
        ignore: nnU-Net's ignore label, if the data set has one.
        manager_arguments: the entries of `dataset.json` from which nnU-Net builds its `LabelManager`.
    """

    structures: dict[str, tuple[int, ...]]
    channels: dict[str, int]
    ignore: int | None
    manager_arguments: Mapping

    @classmethod
    def from_dataset_json(cls, dataset_json: Mapping) -> "Labels":
        """From the content of `dataset.json`, also as nnU-Net reads it, which takes labels in quotes for integers."""
        described = {name: _integers(value) for name, value in dataset_json["labels"].items()}
        labels = dict(described)
        labels.pop("background", None)
        ignore = labels.pop("ignore", None)
        structures = {
            name: tuple(value) if isinstance(value, list | tuple) else (value,)
            for name, value in labels.items()
        }
        by_region = any(len(group) > 1 for group in structures.values())  # nnU-Net's rule
        channels = {name: i if by_region else group[0] for i, (name, group) in enumerate(structures.items())}
        every = tuple(sorted({label for group in structures.values() for label in group}))
        if len(structures) > 1:
            structures[FOREGROUND] = every
        manager_arguments = {
            "label_dict": described,
            "regions_class_order": dataset_json.get("regions_class_order"),
        }
        return cls(structures, channels, ignore, manager_arguments)

    def label_manager(self) -> LabelManager:
        """nnU-Net's own."""
        return LabelManager(**self.manager_arguments)

    @property
    def allowed(self) -> set[int]:
        """All labels that a file may contain."""
        return known_labels(self.manager_arguments["label_dict"])


def _integers(value: str | int | Sequence[str | int]) -> int | list[int]:
    return list(map(int, value)) if isinstance(value, list | tuple) else int(value)

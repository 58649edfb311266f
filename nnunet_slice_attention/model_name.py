"""Names of trained models: nnU-Net's folder names, short names for tables, and the files with weights."""

from collections.abc import Sequence
from typing import NamedTuple

ENSEMBLE = " + "  # between the names of two models
# In the folder of a fold: after the last epoch, which nnU-Net validates; every 50 epochs; with the best Dice so far.
FINAL, LATEST, BEST = (f"checkpoint_{name}.pth" for name in ("final", "latest", "best"))


class ModelName(NamedTuple):
    """TRAINER__PLANS__CONFIGURATION."""

    trainer: str
    plans: str
    configuration: str

    @classmethod
    def parse(cls, text: str) -> "ModelName":
        """Raise ValueError unless it has three parts without path separators."""
        parts = text.split("__")
        if len(parts) != 3 or not all(parts) or set(text) & set("/\\"):
            raise ValueError(
                f"model {text!r} is not TRAINER__PLANS__CONFIGURATION, e.g. nnUNetTrainerCSANet__nnUNetPlans__2d."
            )
        return cls(*parts)

    def __str__(self) -> str:
        return "__".join(self)


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Names for tables and axes: the trainer, and the other parts in which the models differ.

    An ensemble "A + B" is named by its two short names. If any name has another form, all are kept.
    """
    single = [name for name in names if ENSEMBLE not in name]
    parts = {name: name.split("__") for name in single}
    if any(len(name_parts) != 3 for name_parts in parts.values()):
        return {name: name for name in names}
    differing = [i for i in range(3) if i == 0 or len({name_parts[i] for name_parts in parts.values()}) > 1]
    short = {name: " ".join(name_parts[i] for i in differing) for name, name_parts in parts.items()}
    return {name: ENSEMBLE.join(short.get(part, part) for part in name.split(ENSEMBLE)) for name in names}

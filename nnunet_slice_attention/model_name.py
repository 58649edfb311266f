"""What nnU-Net names the folder of a trained model."""

from typing import NamedTuple


class ModelName(NamedTuple):
    """TRAINER__PLANS__CONFIGURATION."""

    trainer: str
    plans: str
    configuration: str

    @classmethod
    def parse(cls, text: str) -> "ModelName":
        """Raise ValueError unless it has three parts, none of them a path."""
        parts = text.split("__")
        if len(parts) != 3 or not all(parts) or set(text) & set("/\\"):
            raise ValueError(
                f"model {text!r} is not TRAINER__PLANS__CONFIGURATION, e.g. nnUNetTrainerCSANet__nnUNetPlans__2d."
            )
        return cls(*parts)

    def __str__(self) -> str:
        return "__".join(self)

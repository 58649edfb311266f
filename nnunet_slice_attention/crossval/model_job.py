"""What the training of a model and a prediction with it have in common."""

from dataclasses import dataclass
from pathlib import Path

from nnunetv2.paths import nnUNet_results
from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name

from ..model_name import ModelName


@dataclass(frozen=True)
class Settings:
    """Of all trainings of a cross-validation; the names are those of nnU-Net's flags.

    Attributes:
        npz: keep the validation's probabilities, for ensembles and FROC.
    """

    device: str = "cuda"
    num_gpus: int = 1
    npz: bool = False
    pretrained_weights: Path | None = None


@dataclass(frozen=True, kw_only=True)
class ModelJob:
    """A job on one model.

    Attributes:
        dataset: nnU-Net's id or name.
        repeat: 0 lies where nnU-Net puts it, N > 0 in `nnUNet_results/repeat_N`. nnU-Net seeds nothing: all differ.
    """

    dataset: str
    model: ModelName
    settings: Settings
    repeat: int = 0

    def called(self, task: str) -> str:
        return f"{self.model}, {task}" + (f", repeat {self.repeat}" if self.repeat else "")

    @property
    def dataset_name(self) -> str:
        return maybe_convert_to_dataset_name(self.dataset)

    def folder_of(self, fold: str) -> Path:
        """nnU-Net's folder of a trained fold."""
        return results_of(self.repeat) / self.dataset_name / str(self.model) / f"fold_{fold}"

    def environment(self) -> dict[str, str]:
        return {"nnUNet_results": str(results_of(self.repeat))}


def results_of(repeat: int) -> Path:
    """The folder of trained models of a repeat: what `nnUNet_results` is for it."""
    root = Path(str(nnUNet_results))
    return root / f"repeat_{repeat}" if repeat else root

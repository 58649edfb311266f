"""What training a model and predicting with it have in common."""

from dataclasses import dataclass, field
from pathlib import Path

from nnunetv2.paths import nnUNet_results
from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name

from ..model_name import ModelName


@dataclass(frozen=True)
class Settings:
    """Shared by all jobs of a cross-validation; named after nnU-Net's flags.

    Attributes:
        npz: save probabilities, for ensembles and FROC.
    """

    device: str = "cuda"
    num_gpus: int = 1
    npz: bool = False
    pretrained_weights: Path | None = None


@dataclass(frozen=True, kw_only=True)
class ModelJob:
    """A job on one model, see `jobs.job.Job`; subclasses define `folder`.

    Attributes:
        dataset: ID or name.
        repeat: 0 is stored where nnU-Net puts it, N > 0 in `nnUNet_results/repeat_N`. nnU-Net sets no seed: all differ.
    """

    dataset: str = field(repr=False)  # another spelling is no other job
    model: ModelName
    settings: Settings
    repeat: int = 0

    def job_name(self, task: str) -> str:
        return f"{self.model}, {task}" + (f", repeat {self.repeat}" if self.repeat else "")

    @property
    def lock(self) -> Path:
        return self.folder / "crossval.lock"

    @property
    def log(self) -> Path:
        return self.folder / "crossval.log"

    @property
    def dataset_name(self) -> str:
        return maybe_convert_to_dataset_name(self.dataset)

    def fold_folder(self, fold: str) -> Path:
        """Where nnU-Net stores a trained fold."""
        return results_folder(self.repeat) / self.dataset_name / str(self.model) / f"fold_{fold}"

    def environment(self) -> dict[str, str]:
        # Unbuffered, because the log also tells whose a training is, see `concurrent_training_check.py`.
        return {"nnUNet_results": str(results_folder(self.repeat)), "PYTHONUNBUFFERED": "1"}


def results_folder(repeat: int) -> Path:
    """The value of `nnUNet_results` for a repeat."""
    root = Path(str(nnUNet_results))
    return root / f"repeat_{repeat}" if repeat else root

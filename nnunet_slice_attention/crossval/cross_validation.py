"""What a cross-validation consists of."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..model_name import ModelName
from .model_job import Settings
from .prediction_job import PredictionJob
from .training_job import TrainingJob


@dataclass(frozen=True)
class CrossValidation:
    """The jobs of a cross-validation.

    Attributes:
        dataset: ID or name.
        models: each is trained on every fold.
        folds: "0" to "4", or "all", which is trained but not compared.
        repeats: independent runs per model and fold.
        images: folder of images to predict with each model; None predicts nothing.
        output: folder for predictions and comparisons.
        group, ensembles, processes: as in the command `compare`.
    """

    dataset: str
    models: Sequence[ModelName]
    folds: Sequence[str]
    settings: Settings
    output: Path
    repeats: int = 1
    images: Path | None = None
    group: str | None = None
    ensembles: bool = True
    processes: int = 2

    def training_jobs(self) -> list[TrainingJob]:
        """All models of a fold before the next fold, so that models can be compared as early as possible."""
        return [
            TrainingJob(dataset=self.dataset, model=model, fold=fold, settings=self.settings, repeat=repeat)
            for repeat in range(self.repeats)
            for fold in self.folds
            for model in self.models
        ]

    def prediction_jobs(self) -> list[PredictionJob]:
        """One per model and repeat, its folds averaged."""
        if self.images is None:
            return []
        return [
            PredictionJob(
                dataset=self.dataset,
                model=model,
                folds=self.folds,
                settings=self.settings,
                images=self.images,
                output=self.output / repeat_name("predictions", repeat) / str(model),
                repeat=repeat,
            )
            for repeat in range(self.repeats)
            for model in self.models
        ]


def repeat_name(name: str, repeat: int) -> str:
    """Name of the folder of a repeat."""
    return f"{name}_repeat_{repeat}" if repeat else name

"""What a cross-validation is to have in the end."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..model_name import ModelName
from .model_job import Settings
from .prediction import Prediction
from .training import Training


@dataclass(frozen=True)
class Plan:
    """What is to be there in the end.

    Attributes:
        dataset: nnU-Net's id or name.
        models: each is trained on each of the folds.
        folds: "0" to "4", or "all", which is trained but not compared.
        repeats: independent trainings of each.
        images: folder to predict with each model; None predicts nothing.
        output: folder for predictions and reports.
        group, ensembles: as in the verb `compare`.
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

    def trainings(self) -> list[Training]:
        """One fold of all models before the next fold, so that a comparison is possible as early as it can be."""
        return [
            Training(dataset=self.dataset, model=model, fold=fold, settings=self.settings, repeat=repeat)
            for repeat in range(self.repeats)
            for fold in self.folds
            for model in self.models
        ]

    def predictions(self) -> list[Prediction]:
        if self.images is None:
            return []
        return [
            Prediction(
                dataset=self.dataset,
                model=model,
                folds=self.folds,
                settings=self.settings,
                images=self.images,
                output=self.output / of_repeat("predictions", repeat) / str(model),
                repeat=repeat,
            )
            for repeat in range(self.repeats)
            for model in self.models
        ]


def of_repeat(name: str, repeat: int) -> str:
    """A folder's name."""
    return f"{name}_repeat_{repeat}" if repeat else name

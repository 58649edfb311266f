"""One model's predictions in one run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..fold_validation import is_older_than_weights, validated_checkpoint
from ..model_name import FINAL

Fold = int | str


@dataclass(frozen=True)
class Model:
    """One model's predictions in one run.

    Attributes:
        name: TRAINER__PLANS__CONFIGURATION, or the user's name for a folder of predictions.
        predictions: predicted segmentation by case.
        folder: of the trained model, or of the predictions.
        fold_by_case: the fold that has the case in its validation set; empty for a folder of predictions.
        run: name of the results folder if several are compared, else empty.
        other_labels: trained with other labels or regions than those that all are evaluated with: its segmentations can
            be compared, but the channels of its probabilities mean something else.
    """

    name: str
    predictions: Mapping[str, Path]
    folder: Path
    fold_by_case: Mapping[str, Fold] = field(default_factory=dict)
    run: str = ""
    other_labels: bool = False

    @property
    def label(self) -> str:
        """Name, with the run if there are several."""
        return f"{self.name}, {self.run}" if self.run else self.name

    def probabilities(self, case: str) -> Path | None:
        """nnU-Net's npz file, if it is not older than the final checkpoint while the prediction is newer.

        None also without the pkl file beside it, from which nnU-Net makes an ensemble's segmentation, and for
        `other_labels`.
        A training without --npz replaces the predictions of an earlier one, but leaves its npz files. (So does --c
        without --npz after the last epoch, although the weights are the same.)
        """
        path = self.predictions[case].parent / f"{case}.npz"
        if self.other_labels or not path.is_file() or not path.with_suffix(".pkl").is_file():
            return None
        fold, prediction = self._fold_folder(case), self.predictions[case]
        if is_older_than_weights(path, fold) and not is_older_than_weights(prediction, fold):
            return None
        return path

    def _fold_folder(self, case: str) -> Path:
        """Of the fold that predicted the case; without folds it does not exist."""
        return self.folder / f"fold_{self.fold_by_case.get(case)}"

    @property
    def cases_without_probabilities(self) -> list[str]:
        """Cases without usable probabilities of their prediction."""
        return [case for case in self.predictions if self.probabilities(case) is None]

    @property
    def stale_folds(self) -> list[Fold]:
        """Folds with a prediction older than the final checkpoint: it is of an earlier run, or was copied."""
        stale = {
            fold: None
            for case, fold in self.fold_by_case.items()
            if is_older_than_weights(self.predictions[case], self._fold_folder(case))
        }
        return list(stale)

    @property
    def other_checkpoints(self) -> dict[Fold, str]:
        """By fold, the checkpoint that it was validated with, where that is not the final one."""
        folds = dict.fromkeys(self.fold_by_case.values())
        found = {fold: validated_checkpoint(self.folder / f"fold_{fold}") for fold in folds}
        return {fold: checkpoint for fold, checkpoint in found.items() if checkpoint != FINAL}


def without_probabilities(models: Sequence[Model]) -> set[str]:
    """Names of the models that lack probabilities of a case in any run."""
    return {model.name for model in models if model.cases_without_probabilities}

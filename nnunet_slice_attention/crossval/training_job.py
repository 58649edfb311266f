"""Training one model on one fold: what is left to do, and nnU-Net's command that does it."""

import re
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nnunetv2.paths import nnUNet_preprocessed

from ..dataset_files import Split, read_description, segmentations
from ..files import read_json_or_empty
from ..fold_split import check_no_other_cases
from ..fold_validation import (
    began_again,
    evaluated_cases,
    is_older_than_weights,
    listed_predictions,
    older_than_weights,
    summary_file,
    validated_checkpoint,
)
from ..model_name import BEST, FINAL, LATEST
from .fold_record import TrainingInputs, check_fold, record_fold
from .model_job import ModelJob

State = Literal["done", "validate", "continue", "start"]

# As a module it would be imported again by each of nnU-Net's worker processes, which need half of it.
TRAIN = "from nnunetv2.run.run_training import run_training_entry; run_training_entry()"


@dataclass(frozen=True, kw_only=True)
class TrainingJob(ModelJob):
    """Trains and validates a model on one fold."""

    fold: str

    @property
    def name(self) -> str:
        return self.job_name(f"fold {self.fold}")

    @property
    def folder(self) -> Path:
        return self.fold_folder(self.fold)

    def state(self) -> State:
        """What is left to do, from the files that nnU-Net wrote."""
        if (self.folder / FINAL).is_file():
            return "done" if self._is_validated() else "validate"
        return "continue" if any((self.folder / name).is_file() for name in (LATEST, BEST)) else "start"

    def _is_validated(self) -> bool:
        """With the present weights; all predictions are there, and with --npz all probabilities."""
        if not self._summary.is_file() or validated_checkpoint(self.folder) != FINAL:
            return False
        try:
            listed = listed_predictions(self._summary, evaluated_cases(self._summary))
        except ValueError:  # truncated by a kill or a full disk
            return False
        if older_than_weights(self.folder, listed):
            return False
        # An exported model has the summary only. Fold all is not compared.
        if self.fold != "all" and not all((self._summary.parent / name).is_file() for name in listed):
            return False
        return not self.settings.npz or all(map(self._has_probabilities, listed))

    def _has_probabilities(self, prediction: str) -> bool:
        """Of the present weights, and complete."""
        case = prediction.removesuffix(self._training_inputs.ending)
        file = self._summary.parent / f"{case}.npz"
        return zipfile.is_zipfile(file) and not is_older_than_weights(file, self.folder)

    @property
    def _summary(self) -> Path:
        return summary_file(self.folder)

    def command(self) -> list[str]:
        """nnU-Net's command for what is left."""
        model, settings = self.model, self.settings
        command = [sys.executable, "-c", TRAIN, self.dataset, model.configuration, self.fold]
        command += ["-tr", model.trainer, "-p", model.plans, "-device", settings.device]
        if settings.num_gpus > 1:
            command += ["-num_gpus", str(settings.num_gpus)]
        if settings.npz:
            command.append("--npz")
        state = self.state()
        if state == "start" and settings.pretrained_weights:
            command += ["-pretrained_weights", str(settings.pretrained_weights)]
        return command + {"validate": ["--val"], "continue": ["--c"]}.get(state, [])

    def prepare(self) -> None:
        """Rename files that would make the next call fail or go wrong; none is deleted.

        A truncated checkpoint fails at every call. Of two complete ones, --c takes `checkpoint_latest`, written every
        50 epochs, even if `checkpoint_best` is of a later epoch. And an earlier summary would make a pending validation
        look done.
        """
        put_aside_broken_checkpoints(self.folder)
        latest, best = self.folder / LATEST, self.folder / BEST
        if latest.is_file() and best.is_file() and _is_further(best, latest):
            latest.replace(latest.with_suffix(".older"))
        if self.state() != "done" and self._summary.is_file():
            self._summary.replace(self._summary.with_suffix(".before"))
        if self.state() == "start":
            record_fold(self.folder, self.fold, self._training_inputs)

    def check_record(self, splits: Sequence[Split], others_start: bool = False) -> None:
        """Raise ValueError if it has begun from other inputs than the present ones, or has predictions of other cases.

        Also if it is not clear which of two trainings is meant, see `began_again`. See `check_fold` and
        `check_no_other_cases`. The second also before a training starts: compare would refuse its validation, which
        leaves those predictions in place.
        """
        if began_again(self.folder):
            raise ValueError(
                f"{self.name} was trained to its end, then started again without --c: in {self.folder}, {LATEST} is "
                f"newer than {FINAL}. To keep the first training, move {LATEST} away; to continue the second, move "
                f"{FINAL} away."
            )
        split = None if self.fold == "all" else splits[int(self.fold)]
        if self.state() != "start":
            check_fold(self.folder, self.name, split, self._training_inputs, others_start)
        if split:
            found = segmentations(self._summary.parent, self._training_inputs.ending)
            check_no_other_cases(self.name, found, split["val"])

    @property
    def checkpoint(self) -> Path | None:
        """The one that is validated or continued; None before the first."""
        files = (self.folder / name for name in (FINAL, LATEST, BEST))
        return next((path for path in files if zipfile.is_zipfile(path)), None)

    @property
    def _training_inputs(self) -> TrainingInputs:
        folder = Path(str(nnUNet_preprocessed), self.dataset_name)
        description = read_description(folder / "dataset.json")
        labels, weights = folder / "gt_segmentations", self.settings.pretrained_weights
        plans = folder / f"{self.model.plans}.json"
        return TrainingInputs(folder / "splits_final.json", labels, description, weights, plans)

    def finished(self) -> bool:
        return self.state() == "done"

    def steps(self) -> tuple[int, int | None]:
        """Epochs done and in total; the total is None before nnU-Net has written it."""
        try:
            epochs = int(read_json_or_empty(self.folder / "debug.json")["num_epochs"])
        except (ValueError, KeyError, TypeError):  # missing, or nnU-Net is writing it
            return 0, None
        if self.state() in ("validate", "done"):
            return epochs, epochs
        logs = sorted(self.folder.glob("training_log_*.txt"), key=lambda path: path.stat().st_mtime)
        started = (
            re.findall(r"Epoch (\d+) *$", logs[-1].read_text(errors="replace"), re.MULTILINE) if logs else []
        )
        return int(started[-1]) if started else 0, epochs


def _is_further(checkpoint: Path, other: Path) -> bool:
    """Whether it has more epochs than another one; where that cannot be read, whether it is newer."""
    from ..trainers.checkpoint import read_checkpoint  # imports PyTorch

    try:
        return read_checkpoint(checkpoint).epochs > read_checkpoint(other).epochs
    except ValueError:
        return checkpoint.stat().st_mtime > other.stat().st_mtime


def put_aside_broken_checkpoints(folder: Path) -> None:
    """Rename the checkpoints of a fold that were truncated while nnU-Net wrote them."""
    for path in (folder / name for name in (FINAL, LATEST, BEST)):
        if path.is_file() and not zipfile.is_zipfile(path):
            path.replace(path.with_suffix(".broken"))

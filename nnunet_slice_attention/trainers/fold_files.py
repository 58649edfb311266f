"""What a training finds in its fold's folder: checkpoints of an earlier one, or of its own beginning.

nnU-Net writes over an earlier training if --c is forgotten, and --c prefers an earlier training's final checkpoint to
that of the interrupted one. It continues with whatever plans, labels and split there are now.
"""

import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import torch

from ..fold_split import FOLD_RECORD, WITHOUT_CHECKPOINTS, check_noted_split, note_split
from ..fold_validation import noted_checkpoint
from ..model_name import BEST, FINAL, LATEST
from ..plans.differences import FOR_TRAINING
from .finite_training import FiniteTraining
from .trained_plans import check_trained_plans
from .two_d_model import TWO_D_RECORD

ASIDE = ".before"  # added to the names of an earlier training's files


class FoldFiles(FiniteTraining):
    """Keeps an earlier training's files when it starts, and continues only with what it began with."""

    continues = False  # from a checkpoint, which has all weights
    checkpoint_name = FINAL  # file that was loaded or saved last

    def load_checkpoint(self, filename_or_checkpoint: dict | str) -> None:
        if self.is_ddp:  # the first process may still be saving the file, if the last epoch was the best
            torch.distributed.barrier()
        if not isinstance(filename_or_checkpoint, dict):
            now = self.plans_manager.plans, self.dataset_json, self.configuration_name
            # On a smaller GPU a training may go on with a smaller batch, and validation depends on neither.
            check_trained_plans(Path(filename_or_checkpoint), *now, may_differ=FOR_TRAINING)
            self.checkpoint_name = Path(filename_or_checkpoint).name
        self.continues = True
        super().load_checkpoint(filename_or_checkpoint)

    def on_train_start(self):
        folder = Path(self.output_folder)
        if self._writes() and not self.continues and (kept := put_aside(folder)):
            log = Path(self.log_file).name  # as the last that begins at epoch 0, it would count as the fold's
            self.print_to_log_file(
                f"{folder} has an earlier training, which is kept: {', '.join(kept)}. To continue it instead of this "
                f"one, interrupt this one, remove its checkpoints and {log}, rename those files back and give --c."
            )
        if self.disable_checkpointing:
            self.print_to_log_file(WITHOUT_CHECKPOINTS)  # nnU-Net says it only after the first epoch
        super().on_train_start()

    def get_tr_and_val_datasets(self):
        datasets = super().get_tr_and_val_datasets()
        if self._has_record():
            training, validation = (sorted(dataset.identifiers) for dataset in datasets)
            if self.continues or self.current_epoch:  # nnU-Net's split may change while it trains
                check_noted_split(self._name, Path(self.output_folder), training, validation)
            elif self._writes():
                note_split(Path(self.output_folder), training, validation)
        return datasets

    def save_checkpoint(self, filename: str) -> None:
        """Replace the previous checkpoint only by a complete one, so that a kill while writing loses nothing."""
        partial = f"{filename}.partial"
        super().save_checkpoint(partial)
        self.checkpoint_name = Path(filename).name
        if self._writes():
            os.replace(partial, filename)

    def perform_actual_validation(self, save_probabilities: bool = False):
        if self.disable_checkpointing and not self.continues and checkpoints(Path(self.output_folder)):
            self.print_to_log_file(
                "No validation, because it would replace that of the training in this folder."
            )
            return
        if self._has_record():
            check_noted_split(self._name, Path(self.output_folder), *map(sorted, self.do_split()))
        note = noted_checkpoint(Path(self.output_folder), self.checkpoint_name, save_probabilities)
        with note if self.local_rank == 0 else nullcontext():
            super().perform_actual_validation(save_probabilities)

    @property
    def _name(self) -> str:
        return f"{type(self).__name__}, fold {self.fold}"

    def _has_record(self) -> bool:
        """Whether the folder's record of the split is of this training; one without checkpoints leaves another's."""
        return self.fold != "all" and (self.continues or not self.disable_checkpointing)

    def _writes(self) -> bool:
        """Whether this process writes the checkpoints."""
        return self.local_rank == 0 and not self.disable_checkpointing


def checkpoints(folder: Path) -> list[Path]:
    """Of a training in a fold's folder."""
    return [path for name in (FINAL, LATEST, BEST) if (path := folder / name).is_file()]


def put_aside(folder: Path) -> Sequence[str]:
    """Rename what an earlier training has left in a fold's folder; nothing without a checkpoint.

    Returns:
        "old name as new name" of each.
    """
    if not (found := checkpoints(folder)):
        return []
    renamed = []
    for path in (*found, *(folder / name for name in (FOLD_RECORD, TWO_D_RECORD, "validation"))):
        if path.exists():
            aside = _unused(path.with_name(f"{path.name}{ASIDE}"))
            path.rename(aside)
            renamed.append(f"{path.name} as {aside.name}")
    return renamed


def _unused(path: Path) -> Path:
    """The path, numbered if it exists."""
    number, unused = 2, path
    while unused.exists():
        number, unused = number + 1, path.with_name(f"{path.name}{number}")
    return unused

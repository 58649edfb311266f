"""One training of a cross-validation: what is left of it, and nnU-Net's own command that does it."""

import re
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..evaluation.nnunet_summary import read_cases
from ..files import read_json_or_empty
from .model_job import ModelJob

State = Literal["done", "validate", "continue", "start"]
FINAL, LATEST, BEST = (f"checkpoint_{name}.pth" for name in ("final", "latest", "best"))


@dataclass(frozen=True, kw_only=True)
class Training(ModelJob):
    """A model on one fold."""

    fold: str

    @property
    def name(self) -> str:
        return self.called(f"fold {self.fold}")

    @property
    def folder(self) -> Path:
        return self.folder_of(self.fold)

    def state(self) -> State:
        """What is left, by the files that nnU-Net wrote."""
        if (self.folder / FINAL).is_file():
            return "done" if self._is_validated() else "validate"
        return "continue" if any((self.folder / name).is_file() for name in (LATEST, BEST)) else "start"

    def _is_validated(self) -> bool:
        """With the weights that are there: nnU-Net leaves the validation of an earlier training in place."""
        trained = (self.folder / FINAL).stat().st_mtime
        if not (self._summary.is_file() and self._summary.stat().st_mtime >= trained):
            return False
        try:
            cases = read_cases(self._summary)
        except ValueError:  # cut off by a kill or a full disk
            return False
        written = [path for path in self._summary.parent.glob("*.npz") if path.stat().st_mtime >= trained]
        return not self.settings.npz or sum(map(zipfile.is_zipfile, written)) == len(cases)

    @property
    def _summary(self) -> Path:
        return self.folder / "validation" / "summary.json"

    def command(self) -> list[str]:
        """nnU-Net's, for what is left."""
        model, settings = self.model, self.settings
        command = [
            sys.executable,
            "-m",
            "nnunetv2.run.run_training",
            self.dataset,
            model.configuration,
            self.fold,
        ]
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
        """Put aside what would keep the next call from getting on; nothing of it is lost.

        A checkpoint that was cut off while nnU-Net wrote it fails at every call. Of two whole ones --c takes
        `checkpoint_latest`, written every 50 epochs, though `checkpoint_best` may be newer. And an earlier summary must
        not make a validation look complete that is still to come.
        """
        put_aside_broken_checkpoints(self.folder)
        latest, best = self.folder / LATEST, self.folder / BEST
        if latest.is_file() and best.is_file() and best.stat().st_mtime > latest.stat().st_mtime:
            latest.replace(latest.with_suffix(".older"))
        if self.state() != "done" and self._summary.is_file():
            self._summary.replace(self._summary.with_suffix(".before"))

    def finished(self) -> bool:
        return self.state() == "done"

    def steps(self) -> tuple[int, int | None]:
        """(Epochs that are done, epochs it has or None before nnU-Net has noted it)."""
        try:
            epochs = int(read_json_or_empty(self.folder / "debug.json")["num_epochs"])
        except (ValueError, KeyError, TypeError):  # not there yet, or nnU-Net is writing it
            return 0, None
        if self.state() in ("validate", "done"):
            return epochs, epochs
        logs = sorted(self.folder.glob("training_log_*.txt"), key=lambda path: path.stat().st_mtime)
        begun = (
            re.findall(r"Epoch (\d+) *$", logs[-1].read_text(errors="replace"), re.MULTILINE) if logs else []
        )
        return int(begun[-1]) if begun else 0, epochs


def put_aside_broken_checkpoints(folder: Path) -> None:
    """Rename those of a fold that were cut off while they were written."""
    for path in (folder / name for name in (FINAL, LATEST, BEST)):
        if path.is_file() and not zipfile.is_zipfile(path):
            path.replace(path.with_suffix(".broken"))

"""One run: nnU-Net's own training from a fixed seed, its process time epoch by epoch, and validation.

A job of `jobs.Training`, with one thread and the run's results folder in the environment. On a CPU it works in single
precision unless the run says otherwise. In the fold's folder `process_time.csv` has one row per epoch, `curve.csv` the
Dice of a few validation cases at about 12 epochs, and `made_with.json`, written last, says that the run is finished.
"""

import json
import os
import random
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import torch
from nnunetv2.run.run_training import get_trainer_from_args
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_slice_attention.crossval.training_job import put_aside_broken_checkpoints
from nnunet_slice_attention.environment import commit
from nnunet_slice_attention.files import write_text
from nnunet_slice_attention.jobs.lock import Busy, locked
from nnunet_slice_attention.model_name import BEST, FINAL, LATEST

from .csv_rows import read_csv, write_csv
from .curve import dice_of_cases
from .made_with import note
from .run import CURVE, PROCESS_TIME, ROW, Run

CURVE_POINTS, CURVE_CASES = 12, 12  # about so many epochs; at most so many validation cases


class Measured(nnUNetTrainer):
    """What a trainer does besides when it is measured; comes before the trainer's own class.

    Attributes:
        run: what is trained, and for how long.
        at_commit: of this process's source.
    """

    run: Run
    at_commit: str

    def on_epoch_start(self):
        self.num_iterations_per_epoch = iterations(self, self.run)
        super().on_epoch_start()

    def on_train_epoch_start(self):
        self.begun = cpu_seconds(), time.perf_counter()
        super().on_train_epoch_start()

    def on_train_epoch_end(self, train_outputs: list[dict]):
        super().on_train_epoch_end(train_outputs)
        row = {
            "epoch": self.current_epoch,
            "iterations": self.num_iterations_per_epoch,
            "cpu_s": round(cpu_seconds() - self.begun[0], 3),
            "wall_s": round(time.perf_counter() - self.begun[1], 3),
            "train_loss": round(float(self.logger.get_value("train_losses", step=-1)), 5),
            "commit": self.at_commit,
        }
        # Before the checkpoint: a row too many is dropped on resuming, one too few could not be made up for.
        append_rows(Path(self.output_folder) / PROCESS_TIME, [row])

    def on_epoch_end(self):
        done, every = self.current_epoch + 1, max(1, round(self.num_epochs / CURVE_POINTS))
        if done % every == 0 or done == self.num_epochs:
            folder = Path(self.output_folder)
            point = {"epoch": self.current_epoch, "cpu_s": total_cpu_seconds(folder)}
            append_rows(folder / CURVE, [point | row for row in dice_of_cases(self, CURVE_CASES)])
        super().on_epoch_end()

    def save_checkpoint(self, filename: str) -> None:
        """Replace the previous checkpoint only by a complete one, also with nnU-Net's own trainers."""
        partial = Path(f"{filename}.part")
        super().save_checkpoint(str(partial))
        partial.replace(filename)


def iterations(trainer: nnUNetTrainer, run: Run) -> int:
    """Of the current epoch.

    Raises:
        ValueError: the run has steps for after a 2D phase that the trainer does not begin with.
    """
    if run.iterations_later is None:
        return run.iterations
    in_2d_phase = getattr(trainer, "in_2d_phase", False)
    first = in_2d_phase(trainer.current_epoch) if callable(in_2d_phase) else in_2d_phase
    if trainer.current_epoch == 0 and not first:
        raise ValueError(
            f"{run.index}: iterations_later is {run.iterations_later}, but {run.trainer} does not begin with a 2D "
            "phase. Leave iterations_later empty, or name a trainer that has one."
        )
    return run.iterations if first else run.iterations_later


def cpu_seconds() -> float:
    """User and system seconds of this process and of its children: data loaders at work, and those that have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = time.process_time() + ended.ru_utime + ended.ru_stime
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            seconds += sum(child.cpu_times()[:2])
    return seconds


def append_rows(path: Path, rows: list[dict]) -> None:
    """At least one, to a file that may not be there yet."""
    write_csv(path, list(rows[0]), [*read_csv(path), *rows])


def total_cpu_seconds(folder: Path) -> float:
    return round(sum(float(row["cpu_s"]) for row in read_csv(folder / PROCESS_TIME)), 3)


def drop_lost_epochs(folder: Path, epoch: int) -> None:
    """Drop the rows of epochs from `epoch` on, whose weights are lost.

    Raises:
        ValueError: a row of an earlier epoch is missing.
    """
    for path in (folder / PROCESS_TIME, folder / CURVE):
        if kept := [row for row in read_csv(path) if int(row["epoch"]) < epoch]:
            write_csv(path, list(kept[0]), kept)
        else:
            path.unlink(missing_ok=True)
    noted = [int(row["epoch"]) for row in read_csv(folder / PROCESS_TIME)]
    if noted != list(range(epoch)):
        raise ValueError(
            f"{folder / PROCESS_TIME} has the epochs {noted}, but the checkpoint has {epoch} epochs. The time of the "
            f"training is not known: remove {folder} and begin again."
        )


def check_same_row(folder: Path, run: Run) -> None:
    """Raise a ValueError if the folder has the beginning of a run that is declared otherwise now."""
    if changed := run.begun_otherwise(folder):
        raise ValueError(
            f"{run.index} was begun otherwise: {changed} (before, now). Undo the change, give the arm another "
            f"name, or remove {folder}."
        )
    write_text(folder / ROW, json.dumps(run.row(), indent=1))


def seed_all(seed: int) -> None:
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def train_and_validate(run: Run, device_name: str) -> None:
    torch.set_num_threads(1)
    seed_all(run.seed)
    device = torch.device(device_name)
    torch.backends.cudnn.benchmark = device.type == "cuda"  # as nnUNetv2_train has it
    model = str(run.dataset), run.configuration, run.fold, run.trainer, run.plans
    trainer = get_trainer_from_args(*model, device=device)
    own = type(trainer)
    trainer.__class__ = type(own.__name__, (Measured, own), {"__module__": own.__module__})
    trainer.run, trainer.at_commit = run, commit()
    trainer.num_epochs = run.epochs
    trainer.save_every = 1
    trainer.num_val_iterations_per_epoch = 2  # the online figure is a hint
    trainer.logger.plot_progress_png = lambda folder: None  # about a second an epoch
    if device.type == "cpu" and run.precision == "bfloat16":  # mixed, as nnU-Net trains on a GPU
        trainer.train_step = torch.autocast("cpu", torch.bfloat16)(trainer.train_step)
    folder = Path(trainer.output_folder)
    check_same_row(folder, run)
    put_aside_broken_checkpoints(folder)
    if not (folder / FINAL).is_file():
        if checkpoint := next((folder / c for c in (LATEST, BEST) if (folder / c).is_file()), None):
            trainer.load_checkpoint(str(checkpoint))
            seed_all(run.seed + 1000 * trainer.current_epoch)  # not the samples of the first epochs again
        drop_lost_epochs(folder, trainer.current_epoch)
        trainer.run_training()
    trainer.load_checkpoint(str(folder / FINAL))
    trainer.inference_allowed_mirroring_axes = None  # a quarter of the time, the same for all
    trainer.perform_actual_validation()
    note(folder, {"row": run.row(), "cpu_s": total_cpu_seconds(folder)})


def main() -> None:
    """The process's argument is the run's row and the device, as JSON."""
    row, device = json.loads(sys.argv[1])
    run = Run(**row)
    try:
        # The lock of the runs that were begun before there were jobs: one of these may be at work still.
        with locked(Path(os.environ["nnUNet_results"], f"{run.index}.lock")):
            train_and_validate(run, device)
    except Busy:
        raise SystemExit(f"{run.index}: another process is at work on it.") from None

"""Whether something else, such as `nnUNetv2_train`, may be training a fold now, and would write the same checkpoints.

Only `crossval` takes the lock of a fold, but every training writes nnU-Net's log, and a job of `crossval` writes the
same lines to `crossval.log` at the same time. A recent log of nnU-Net without them is therefore not of an interrupted
job, which may be continued at once.
"""

import math
import time
from collections.abc import Sequence
from pathlib import Path

from ..jobs.lock import Busy, exclusive
from .training import TrainingJob

RECENT_S = 600.0  # epochs with nnU-Net's defaults, of each of which it logs begin and end, are rarely longer
TOGETHER_S = 60.0  # between the times of the two logs
LAST_LINE, TAIL = b"Mean Validation Dice", 500  # bytes of the log


def check_no_other_training(jobs: Sequence[TrainingJob]) -> None:
    """Raise ValueError if a fold with something left to do may be in training, but not by a job of `crossval`."""
    for job in jobs:
        if job.finished() or _is_locked(job):
            continue
        logs = sorted(job.folder.glob("training_log_*.txt"), key=_written)
        if not logs or _is_complete(logs[-1]):
            continue
        age = time.time() - _written(logs[-1])
        if age < RECENT_S and _written(logs[-1]) - _written(job.log) > TOGETHER_S:
            raise ValueError(
                f"{job.name} may be training now: {logs[-1]} was written {max(age, 0):.0f} seconds ago, and not by "
                "crossval, which would write the same checkpoints. End that training, or if it has ended, call again "
                f"in {math.ceil((RECENT_S - age) / 60)} minutes."
            )


def _is_locked(job: TrainingJob) -> bool:
    """By a job of `crossval`, here or on another machine. Creates no lock."""
    for lock in (job.lock, job.lock.with_name(f"{job.lock.name}.command")):
        if lock.is_file():
            try:
                with exclusive(lock):
                    pass
            except Busy:
                return True
    return False


def _is_complete(log: Path) -> bool:
    """Whether the training has been validated, after which nnU-Net exits."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL))
        return LAST_LINE in file.read()


def _written(path: Path) -> float:
    return path.stat().st_mtime if path.is_file() else -math.inf

"""Whether `nnUNetv2_train` is training a fold now, and would write the same checkpoints: it takes no lock.

On this machine its process shows it. Of another machine only nnU-Net's log is seen: every training writes one, and a
job of `crossval` writes the same lines to `crossval.log` at the same time, so a recent log of nnU-Net without them is
not of an interrupted job. That training may have ended just now, so it is a note and no error.
"""

import itertools
import math
import re
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from ..dataset_files import dataset_id
from ..files import same_place
from ..jobs.lock import Busy, exclusive
from .training_job import TrainingJob

RECENT_S = 600.0  # epochs with nnU-Net's defaults, of each of which it logs begin and end, are rarely longer
TOGETHER_S = 60.0  # between the times of the two logs
LAST_LINE, TAIL = b"Mean Validation Dice", 500  # bytes of the log
PROGRAM = "nnUNetv2_train"
DEFAULTS = {"-tr": "nnUNetTrainer", "-p": "nnUNetPlans"}
# All of nnU-Net's options with one dash, none with two; argparse accepts "-num 1" for "-num_gpus 1".
WITH_VALUE = re.compile("-[^-=][^=]*")


def check_no_other_training(jobs: Sequence[TrainingJob]) -> None:
    """Raise ValueError if a process trains a fold that has something left to do; note on stderr if one may do so."""
    for job in jobs:
        if job.finished() or _is_locked(job):
            continue
        if process := _process(job):
            raise ValueError(
                f"{job.name} is being trained by process {process}, not by crossval, which would write the same "
                "checkpoints. Wait for it or end it, and call again."
            )
        logs = sorted(job.folder.glob("training_log_*.txt"), key=_written)
        if not logs or _is_complete(logs[-1]):
            continue
        age = time.time() - _written(logs[-1])
        if age < RECENT_S and _written(logs[-1]) - _written(job.log) > TOGETHER_S:
            print(
                f"note: {logs[-1]} was written {max(age, 0):.0f} seconds ago, and not by crossval. If {job.name} is "
                "still being trained on another machine, end one of the two: both write the same checkpoints.",
                file=sys.stderr,
            )


def _process(job: TrainingJob) -> int | None:
    """The `nnUNetv2_train` of this user on this machine that trains the fold."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):  # another user's, or it has exited meanwhile
            words = process.cmdline()
            if not any(Path(word).name == PROGRAM for word in words):
                continue
            results = process.environ().get("nnUNet_results")
            if _trains(words, job) and results and same_place(results, job.folder.parents[2]):
                return process.pid
    return None


def _trains(words: Sequence[str], job: TrainingJob) -> bool:
    """Whether a command line of `nnUNetv2_train` names the fold."""
    given = {
        flag: words[words.index(flag) + 1] if flag in words[:-1] else DEFAULTS[flag] for flag in DEFAULTS
    }
    program = next(place for place, word in enumerate(words) if Path(word).name == PROGRAM)
    positional = [
        word
        for before, word in itertools.pairwise(words[program:])
        if not word.startswith("-") and not WITH_VALUE.fullmatch(before)
    ]
    number = dataset_id(job.dataset_name)
    # By place: fold 1 of data set 2 is not fold 2 of data set 1.
    return (
        (given["-tr"], given["-p"]) == (job.model.trainer, job.model.plans)
        and positional[1:3] == [job.model.configuration, job.fold]
        and positional[0] in (job.dataset_name, str(number), f"{number:03d}")
    )


def _is_locked(job: TrainingJob) -> bool:
    """By a job of `crossval`, here or on another machine. Creates no lock.

    Raises:
        ValueError: it is another user's, which cannot be tried.
    """
    for lock in (job.lock, job.lock.with_name(f"{job.lock.name}.command")):
        if lock.is_file():
            try:
                with exclusive(lock):
                    pass
            except Busy:
                return True
            except PermissionError:
                raise ValueError(
                    f"{lock} is of another user, so that {job.name} may be at work. Leave it out with -m or -f, ask "
                    "for write permission on the folder, or use results of your own (nnUNet_results)."
                ) from None
    return False


def _is_complete(log: Path) -> bool:
    """Whether the training has been validated, after which nnU-Net exits."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL))
        return LAST_LINE in file.read()


def _written(path: Path) -> float:
    return path.stat().st_mtime if path.is_file() else -math.inf

"""The 2D models that the trainings with `_From2D` of a call start from, or began from."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from ..files import read_json_or_empty
from ..trainers.resolver import starts_from_2d
from ..trainers.two_d_model import CHOICE, TWO_D_RECORD, TwoDModel
from .fold_record import DIGITS, cached_sha256
from .training import TrainingJob


@dataclass(frozen=True)
class StartFrom2D:
    """A training with `_From2D` that has not begun.

    Attributes:
        name: of the job, for messages.
        model: its name.
        results: the data set's folder in the `nnUNet_results` of the job.
        fold: a number or "all".
        others: see `trained_before`.
    """

    name: str
    model: str
    results: str
    fold: str
    others: Sequence[str]


def find_starts(jobs: Sequence[TrainingJob]) -> list[StartFrom2D]:
    """Of all trainings of a call."""
    return [
        StartFrom2D(job.name, str(job.model), str(job.folder.parents[1]), job.fold, trained_before(job, jobs))
        for job in jobs
        if starts_from_2d(job.model.trainer) and job.state() == "start"
    ]


def trained_before(job: TrainingJob, jobs: Sequence[TrainingJob]) -> list[str]:
    """Trainers whose model of the same plans, configuration, fold and repeat a call trains or validates before."""
    return [
        other.model.trainer
        for other in jobs
        if (other.repeat, other.fold, other.model[1:]) == (job.repeat, job.fold, job.model[1:])
        and not starts_from_2d(other.model.trainer)
        and not other.finished()
    ]


def check_2d_records(jobs: Sequence[TrainingJob]) -> None:
    """Raise ValueError if a training with `_From2D` began from another 2D model than it would start from now.

    A 2D model that has been archived is not looked for.
    """
    starting = {(job.model, job.repeat) for job in jobs if job.state() == "start"}
    for job in jobs:
        if starts_from_2d(job.model.trainer) and job.state() != "start":
            # The variable is about trainings that start.
            chosen = os.environ.get(CHOICE) if (job.model, job.repeat) in starting else None
            _check_2d_record(job, trained_before(job, jobs), chosen)


def _check_2d_record(job: TrainingJob, others: Sequence[str], chosen: str | None) -> None:
    """`chosen`: by `nnUNet_from2D`, if it chooses for other folds of the model."""
    record = read_json_or_empty(job.folder / TWO_D_RECORD)
    trainer, checksum = record.get("trainer"), record.get("sha256")
    if not (trainer and checksum):
        return
    again = f"or move {job.folder} away to train it again."
    if chosen and chosen != trainer:
        raise ValueError(
            f"{job.name} began from the 2D model of {trainer}, but {CHOICE}={chosen}. Set {CHOICE} to {trainer}, leave "
            f"the model out of -m, {again}"
        )
    two_d = TwoDModel(job.folder.parents[1], job.model._replace(trainer=trainer), job.fold)
    if two_d.finished:
        now = cached_sha256(two_d.checkpoint)
        if now != checksum:
            raise ValueError(
                f"{job.name} began from a 2D model with SHA-256 {checksum[:DIGITS]}..., but {two_d.checkpoint} was "
                f"trained again: {now[:DIGITS]}.... Restore that checkpoint, {again}"
            )
    elif trainer in others:
        raise ValueError(
            f"{job.name} began from a 2D model that this call would train again, because {two_d.checkpoint} does not "
            f"exist. Restore it, leave {two_d.name} out of -m, {again}"
        )

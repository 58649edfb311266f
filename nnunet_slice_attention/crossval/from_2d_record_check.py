"""Whether trainings with `_From2D` that have begun did so from the 2D models that they would start from now."""

import os
from collections.abc import Sequence

from ..files import cached_sha256, read_json_or_empty
from ..trainers.resolver import starts_from_2d
from ..trainers.two_d_model import CHOICE, TWO_D_RECORD, TwoDModel
from .fold_record import DIGITS
from .from_2d_start import trained_before
from .training_job import TrainingJob


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

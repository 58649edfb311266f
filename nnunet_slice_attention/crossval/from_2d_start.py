"""The trainings with `_From2D` of a call that have not begun, and which 2D models the call trains before them."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..trainers.resolver import starts_from_2d
from .training_job import TrainingJob


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

"""The stages of a cross-validation: train every model on every fold, compare, predict."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..benchmark.compare import Options, compare
from ..benchmark.patients import group_by, on_both_sides
from ..benchmark.runs import models_of_runs
from ..benchmark.truth import truth_of_dataset
from ..model_name import ModelName
from ..trainers.resolver import starts_from_2d
from .job import Job
from .model_job import Settings, results_of
from .prediction import Prediction
from .preflight import check
from .training import Training

Launch = Callable[[Sequence[Job]], list[str]]  # runs jobs, returns a message for each that is not finished


@dataclass(frozen=True)
class Plan:
    """What is to be there in the end.

    Attributes:
        dataset: nnU-Net's id or name.
        models: each is trained on each of the folds.
        folds: "0" to "4", or "all", which is trained but not compared.
        repeats: independent trainings of each.
        images: folder to predict with each model; None predicts nothing.
        output: folder for predictions and reports.
        group, ensembles: as in the verb `compare`.
    """

    dataset: str
    models: Sequence[ModelName]
    folds: Sequence[str]
    settings: Settings
    output: Path
    repeats: int = 1
    images: Path | None = None
    group: str | None = None
    ensembles: bool = True

    def trainings(self) -> list[Training]:
        """One fold of all models before the next fold, so that a comparison is possible as early as it can be."""
        return [
            Training(dataset=self.dataset, model=model, fold=fold, settings=self.settings, repeat=repeat)
            for repeat in range(self.repeats)
            for fold in self.folds
            for model in self.models
        ]

    def predictions(self) -> list[Prediction]:
        if self.images is None:
            return []
        return [
            Prediction(
                dataset=self.dataset,
                model=model,
                folds=self.folds,
                settings=self.settings,
                images=self.images,
                output=self.output / _of_repeat("predictions", repeat) / str(model),
                repeat=repeat,
            )
            for repeat in range(self.repeats)
            for model in self.models
        ]


def describe(plan: Plan) -> str:
    """What a call would do: one line a job."""
    lines = [f"{job.name}: {_left(job)}" for job in plan.trainings()]
    lines += [f"{job.name}: {'done' if job.finished() else 'start'}" for job in plan.predictions()]
    return "\n".join(lines)


def _left(training: Training) -> str:
    state, (epoch, epochs) = training.state(), training.steps()
    return f"{state}, at epoch {epoch} of {epochs}" if state == "continue" and epochs else state


def crossvalidate(plan: Plan, launch: Launch) -> list[str]:
    """Train what is not yet; when all is trained compare each repeat and all together, and predict what is not yet.

    Returns:
        a message for each job that is not finished and each case that could not be compared.

    Raises:
        ValueError: something that would fail in every job, see `preflight.check`.
    """
    _check(plan)
    for trainings in _in_order(plan.trainings()):
        if failures := _run(trainings, launch):
            return failures
    failures = [
        message
        for repeat in range(plan.repeats)
        for message in _compare(plan, [repeat], _of_repeat("comparison", repeat))
    ]
    if plan.repeats > 1:
        failures += _compare(plan, range(plan.repeats), "comparison_all_repeats")
    return failures + _run(plan.predictions(), launch)


def _in_order(trainings: Sequence[Training]) -> tuple[list[Training], list[Training]]:
    """Those that start from a trained 2D model, which may be another of the call, come last."""
    last = [training for training in trainings if starts_from_2d(training.model.trainer)]
    return [training for training in trainings if training not in last], last


def _run(jobs: Sequence[Job], launch: Launch) -> list[str]:
    left = [job for job in jobs if not job.finished()]
    return launch(left) if left else []


def _check(plan: Plan) -> None:
    """Raise what would else come up after the trainings."""
    check(plan.dataset, plan.models, plan.folds)
    for prediction in plan.predictions()[:1]:
        prediction.cases  # noqa: B018 - raises if there is none
    patient_of, truth = group_by(plan.group), truth_of_dataset(plan.dataset)
    for case in itertools.chain.from_iterable(truth.splits):
        patient_of(case)
    for fold in (int(fold) for fold in plan.folds if fold != "all"):
        if divided := on_both_sides(truth, fold, patient_of):
            raise ValueError(
                f"fold {fold} trains on volumes of {', '.join(divided)} and validates on others of the same. Write a "
                f"splits_final.json by patient to {truth.folder.parent}, and train again what was trained on this one."
            )


def _compare(plan: Plan, repeats: Sequence[int], name: str) -> list[str]:
    """Over these repeats, into a folder of this name."""
    folds = [int(fold) for fold in plan.folds if fold != "all"]
    if not folds:
        return []
    truth = truth_of_dataset(plan.dataset)
    results = [results_of(repeat) for repeat in repeats]
    models = models_of_runs(plan.dataset, [str(model) for model in plan.models], folds, truth, results)
    options = Options(
        reference=models[0].name,
        title=f"{plan.dataset}, folds {', '.join(map(str, folds))}",
        group=plan.group,
        ensembles=plan.ensembles,
    )
    return compare(models, truth, plan.output / name, options, group_by(plan.group))


def _of_repeat(name: str, repeat: int) -> str:
    return f"{name}_repeat_{repeat}" if repeat else name

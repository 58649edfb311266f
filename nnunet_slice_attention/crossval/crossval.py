"""The stages of a cross-validation: train every model on every fold, compare, predict."""

from collections.abc import Callable, Sequence

from ..comparison.compare import Options, compare
from ..comparison.ground_truth import GroundTruth
from ..comparison.patients import group_by
from ..comparison.runs import load_runs
from ..jobs.job import Job
from ..trainers.resolver import starts_from_2d
from .checks import check_plan
from .model_job import results_of
from .plan import Plan, of_repeat
from .training import Training

Launch = Callable[[Sequence[Job]], list[str]]  # runs jobs, returns a message for each that is not finished


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
        ValueError, FileNotFoundError: what would come up later, see `check_plan`.
    """
    check_plan(plan)
    for trainings in _in_order(plan.trainings()):
        if failures := _run(trainings, launch):
            return failures
    failures = [
        message
        for repeat in range(plan.repeats)
        for message in _compare(plan, [repeat], of_repeat("comparison", repeat))
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


def _compare(plan: Plan, repeats: Sequence[int], name: str) -> list[str]:
    """Over these repeats, into a folder of this name."""
    folds = [int(fold) for fold in plan.folds if fold != "all"]
    if not folds:
        return []
    truth = GroundTruth.from_dataset(plan.dataset)
    results = [results_of(repeat) for repeat in repeats]
    models = load_runs(plan.dataset, [str(model) for model in plan.models], folds, truth, results)
    options = Options(
        baseline=models[0].name,
        title=f"{plan.dataset}, folds {', '.join(map(str, folds))}",
        group=plan.group,
        ensembles=plan.ensembles,
    )
    return compare(models, truth, plan.output / name, options, group_by(plan.group))

"""Trains every model on every fold, compares the models, and predicts."""

from collections.abc import Callable, Sequence

from ..comparison.ground_truth import GroundTruth
from ..comparison.options import Options
from ..comparison.runs import load_runs
from ..comparison.write_comparison import write_comparison
from ..jobs.job import Job
from ..messages import in_one_line
from ..trainers.resolver import starts_from_2d
from .check_before_training import check_before_training
from .cross_validation import CrossValidation, repeat_name
from .model_job import results_folder
from .training_job import TrainingJob

Launch = Callable[[Sequence[Job]], list[str]]  # runs jobs; returns one message per unfinished job


def describe(crossval: CrossValidation) -> str:
    """What a call would do: one line per job."""
    lines = [f"{job.name}: {_left_to_do(job)}" for job in crossval.training_jobs()]
    lines += [f"{job.name}: {'done' if job.finished() else 'start'}" for job in crossval.prediction_jobs()]
    return "\n".join(lines)


def _left_to_do(job: TrainingJob) -> str:
    state, (epoch, epochs) = job.state(), job.steps()
    return f"{state}, at epoch {epoch} of {epochs}" if state == "continue" and epochs else state


def cross_validate(crossval: CrossValidation, launch: Launch) -> list[str]:
    """Train what is missing; then compare each repeat and all of them together, and predict what is missing.

    Returns:
        one message per job that is not finished, per case that could not be compared, and per comparison that failed.

    Raises:
        ValueError, FileNotFoundError: errors that would otherwise surface only after training, see
            `check_before_training`.
    """
    check_before_training(crossval)
    for jobs in _in_dependency_order(crossval.training_jobs()):
        if failures := _run(jobs, launch):
            return failures
    failures = [
        message
        for repeat in range(crossval.repeats)
        for message in _compare(crossval, [repeat], repeat_name("comparison", repeat))
    ]
    if crossval.repeats > 1:
        failures += _compare(crossval, range(crossval.repeats), "comparison_all_repeats")
    try:
        return failures + _run(crossval.prediction_jobs(), launch)
    except (ValueError, OSError, RuntimeError) as error:
        if not failures:
            raise
        return [*failures, f"predictions: {in_one_line(error)}"]  # those before would be lost


def _in_dependency_order(jobs: Sequence[TrainingJob]) -> tuple[list[TrainingJob], list[TrainingJob]]:
    """Runs that start from a trained 2D model, which another job of this call may train, come last."""
    last = [job for job in jobs if starts_from_2d(job.model.trainer)]
    return [job for job in jobs if job not in last], last


def _run(jobs: Sequence[Job], launch: Launch) -> list[str]:
    left = [job for job in jobs if not job.finished()]
    return launch(left) if left else []


def _compare(crossval: CrossValidation, repeats: Sequence[int], name: str) -> list[str]:
    """Compare the models over these repeats, in the folder `name`.

    Returns:
        one message per case that failed, or one for a comparison that could not be made at all, which must not stop the
            predictions.
    """
    folds = [int(fold) for fold in crossval.folds if fold != "all"]
    if not folds:
        return []
    try:
        return _compare_folds(crossval, folds, repeats, name)
    except Exception as error:
        kind = "" if isinstance(error, (ValueError, OSError, RuntimeError)) else f"{type(error).__name__}: "
        problem = f"{kind}{in_one_line(error).rstrip('.')}"
        return [f"{name}: {problem}. Then run crossval again, which repeats only what failed."]


def _compare_folds(
    crossval: CrossValidation, folds: Sequence[int], repeats: Sequence[int], name: str
) -> list[str]:
    truth = GroundTruth.from_dataset(crossval.dataset)
    results = [results_folder(repeat) for repeat in repeats]
    models = load_runs(crossval.dataset, [str(model) for model in crossval.models], folds, truth, results)
    options = Options(
        baseline=models[0].name,
        title=f"{crossval.dataset}, folds {', '.join(map(str, folds))}",
        group=crossval.group,
        ensembles=crossval.ensembles,
        processes=crossval.processes,
    )
    return write_comparison(models, truth, crossval.output / name, options)

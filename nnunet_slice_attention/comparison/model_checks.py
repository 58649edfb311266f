"""What compared models must have in common: names, runs and cases."""

from collections import Counter
from collections.abc import Iterable, Sequence

from ..inference.prediction_record import recorded_images
from ..messages import first_few
from .ground_truth import GroundTruth
from .model import Model


def model_names(models: Sequence[Model]) -> list[str]:
    """The distinct names, in order.

    Raises:
        ValueError: duplicate names in a run, or a model missing from a run.
    """
    check_unique(model.label for model in models)
    names = dict.fromkeys(model.name for model in models)
    existing = {(model.name, model.run) for model in models}
    for run in dict.fromkeys(model.run for model in models):
        if missing := [name for name in names if (name, run) not in existing]:
            raise ValueError(f"run {run} lacks {', '.join(missing)}: every run needs every model.")
    return list(names)


def check_unique(names: Iterable[str]) -> None:
    """Raise ValueError if a name occurs more than once."""
    if duplicates := [name for name, count in Counter(names).items() if count > 1]:
        raise ValueError(f"{', '.join(duplicates)}: given more than once. Give every model a unique name.")


def check_same_cases(models: Sequence[Model], truth: GroundTruth) -> None:
    """Raise an error unless all models have the same cases, and each case has a ground truth.

    Raises:
        ValueError: two models have different cases.
        FileNotFoundError: the ground truth of a case is missing.
    """
    first = models[0]
    for model in models[1:]:
        for one, other in ((first, model), (model, first)):
            if only := sorted(set(one.predictions) - set(other.predictions)):
                raise ValueError(
                    f"{first.label} and {model.label} have different cases: only {one.label} has {first_few(only)}. "
                    "Predict the missing cases, or compare other folders."
                )
    if missing := [case for case in sorted(first.predictions) if not truth.file(case).is_file()]:
        raise FileNotFoundError(
            f"{truth.folder} lacks the ground truth of {first_few(missing)}. Add it, or remove the predictions."
        )


def predicted_from_different_images(models: Iterable[Model]) -> list[str]:
    """Cases whose images were not the same files for all models, as far as `predict` recorded them."""
    images: dict[str, set[str]] = {}
    for model in models:
        noted = recorded_images(model.folder)
        for case, path in model.predictions.items():
            if path.name in noted:
                images.setdefault(case, set()).add(noted[path.name])
    return sorted(case for case, checksums in images.items() if len(checksums) > 1)

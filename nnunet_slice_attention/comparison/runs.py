"""Independent runs of the same models, each in its own results folder, e.g. one per seed."""

import filecmp
import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..model_name import FINAL
from .find_models import trained_model
from .ground_truth import GroundTruth
from .model import Fold, Model


def load_runs(
    dataset: str, names: Sequence[str], folds: Sequence[Fold], truth: GroundTruth, folders: Sequence[Path]
) -> list[Model]:
    """The validation predictions of every model in every results folder, ordered by model.

    Args:
        folders: laid out like `nnUNet_results`; with a single one, models have no run name.

    Raises:
        FileNotFoundError: a folder does not exist; with a single folder see also `trained_model`.
        ValueError: a folder is given twice, a run lacks a model or cases, or two runs are copies.
    """
    if missing := [str(folder) for folder in folders if not folder.is_dir()]:
        raise FileNotFoundError(
            f"--runs {' '.join(missing)}: no such folder. Give results folders, laid out like nnUNet_results."
        )
    if len(folders) == 1:
        return [trained_model(dataset, name, folds, truth, folders[0]) for name in names]
    models, problems = [], {}
    for name, (run, folder) in itertools.product(names, run_names(folders).items()):
        try:
            models.append(replace(trained_model(dataset, name, folds, truth, folder), run=run))
        except (FileNotFoundError, ValueError) as error:
            problems.setdefault(str(error), {})[run] = None
    if problems:
        lines = (f"{', '.join(runs)}: {problem}" for problem, runs in problems.items())
        raise ValueError("\n".join(("every run needs every model, with the same cases.", *lines)))
    _check_independent(models)
    return models


def run_names(folders: Sequence[Path]) -> dict[str, Path]:
    """Folders by name, preceded by as many parents as needed to make names unique, e.g. "seed_0/results".

    Raises:
        ValueError: a folder is given twice.
    """
    resolved = [folder.resolve() for folder in folders]
    if duplicates := {str(folder) for folder in resolved if resolved.count(folder) > 1}:
        raise ValueError(
            f"--runs lists {', '.join(sorted(duplicates))} more than once. Give each results folder once."
        )
    names, depth = [folder.name for folder in resolved], 1
    while len(set(names)) < len(names):
        depth += 1
        names = ["/".join(folder.parts[-depth:]).lstrip("/") for folder in resolved]
    return dict(zip(names, folders, strict=True))


def _check_independent(models: Sequence[Model]) -> None:
    """Raise ValueError if two runs of a model have the same final checkpoint, by copy or link."""
    for one, other in itertools.combinations(models, 2):
        if one.name != other.name:
            continue
        for fold in dict.fromkeys(one.fold_by_case.values()):
            files = [model.folder / f"fold_{fold}" / FINAL for model in (one, other)]
            if all(file.is_file() for file in files) and filecmp.cmp(*files, shallow=False):
                raise ValueError(
                    f"{one.name}, fold {fold}: {one.run} and {other.run} have the same {FINAL}. Train "
                    "every run separately, also of the baseline: a copy hides the variance between runs."
                )

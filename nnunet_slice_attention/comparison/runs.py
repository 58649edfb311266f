"""Independent runs of the same models, each in a results folder of its own, e.g. one a seed."""

import filecmp
import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from .compared_models import Fold, Model, trained_model
from .truth import Truth


def models_of_runs(
    dataset: str, names: Sequence[str], folds: Sequence[Fold], truth: Truth, folders: Sequence[Path]
) -> list[Model]:
    """The validation predictions of every model in every results folder, models first.

    Args:
        folders: laid out as `nnUNet_results`; one alone gives models without the name of a run.

    Raises:
        FileNotFoundError: a folder does not exist, or of one alone what `trained_model` says.
        ValueError: a folder is given twice, what any run lacks, or two runs are copies of one training.
    """
    if missing := [str(folder) for folder in folders if not folder.is_dir()]:
        raise FileNotFoundError(
            f"--runs {' '.join(missing)}: no such folder. Give results folders, laid out as nnUNet_results."
        )
    if len(folders) == 1:
        return [trained_model(dataset, name, folds, truth, folders[0]) for name in names]
    found, problems = [], {}
    for name, (run, folder) in itertools.product(names, run_names(folders).items()):
        try:
            found.append(replace(trained_model(dataset, name, folds, truth, folder), run=run))
        except (FileNotFoundError, ValueError) as error:
            problems.setdefault(str(error), {})[run] = None
    if problems:
        said = "\n".join(f"{', '.join(runs)}: {problem}" for problem, runs in problems.items())
        raise ValueError(f"every model must be in every run, for the same cases.\n{said}")
    _check_independent(found)
    return found


def run_names(folders: Sequence[Path]) -> dict[str, Path]:
    """Each folder by its name, after as many of its parents as it takes to tell all apart: "seed_0/results".

    Raises:
        ValueError: a folder is given twice.
    """
    resolved = [folder.resolve() for folder in folders]
    if twice := {str(folder) for folder in resolved if resolved.count(folder) > 1}:
        raise ValueError(f"--runs names {', '.join(sorted(twice))} more than once: a run counts once.")
    names, depth = [folder.name for folder in resolved], 1
    while len(set(names)) < len(names):
        depth += 1
        names = ["/".join(folder.parts[-depth:]).lstrip("/") for folder in resolved]
    return dict(zip(names, folders, strict=True))


def _check_independent(models: Sequence[Model]) -> None:
    """Raise ValueError if two runs of a model have the same final checkpoint: a copy, or a link."""
    for one, other in itertools.combinations(models, 2):
        if one.name != other.name:
            continue
        for fold in dict.fromkeys(one.fold_of.values()):
            files = [model.folder / f"fold_{fold}" / "checkpoint_final.pth" for model in (one, other)]
            if all(file.is_file() for file in files) and filecmp.cmp(*files, shallow=False):
                raise ValueError(
                    f"{one.name}, fold {fold}: {one.run} and {other.run} hold the same checkpoint_final.pth. Train "
                    "every run by itself, the reference too: a copy hides how much its runs differ."
                )

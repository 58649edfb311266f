"""Pairs of models as ensembles, made by nnU-Net from the probabilities they saved."""

import itertools
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from nnunetv2.ensembling.ensemble import ensemble_crossvalidations, ensemble_folders

from ..dataset_files import check_model
from ..files import file_signature, write_text
from ..model_name import ENSEMBLE
from .compared_models import Model
from .truth import Truth


def ensembles(models: Sequence[Model], output: Path, processes: int, truth: Truth) -> list[Model]:
    """Every pair of models that has probabilities in every run, run by run.

    Args:
        output: folder for them, see `ensemble`; where there are several runs each has a folder in it.
    """
    lacking = {model.name for model in models if model.without_probabilities}
    names = [name for name in dict.fromkeys(model.name for model in models) if name not in lacking]
    of = {(model.name, model.run): model for model in models}
    runs = list(dict.fromkeys(model.run for model in models))
    found = []
    for a, b in itertools.combinations(names, 2):
        folder = f"{a}___{b}"
        made = [ensemble(of[a, r], of[b, r], output / r / folder, processes, truth) for r in runs]
        found += made if None not in made else []
    return found


def ensemble(one: Model, other: Model, output: Path, processes: int, truth: Truth) -> Model | None:
    """Two models' mean probabilities, made by nnU-Net, as a model of its own; both have probabilities.

    It is made once: what `output` holds is kept while the probabilities stay the same files.

    Returns:
        None if nnU-Net cannot make it: plans in neither folder, or one is of folds and the other is not.

    Raises:
        ValueError: the plans or the dataset.json of one are damaged.
    """
    folders = [str(one.folder), str(other.folder)]
    plans = next((p for p in (Path(f, "plans.json") for f in folders) if p.is_file()), None)
    if plans is None or bool(one.fold_of) != bool(other.fold_of):
        return None
    sources = json.dumps(
        [file_signature(model.probabilities(case)) for model in (one, other) for case in model.predictions]
    )
    noted = output / "made_from.json"
    if not (noted.is_file() and noted.read_bytes() == sources.encode()):
        for folder in folders:
            check_model(Path(folder))
        shutil.rmtree(output, ignore_errors=True)
        if one.fold_of:
            folds = list(dict.fromkeys(one.fold_of.values()))
            ensemble_crossvalidations(folders, str(output), folds, processes)
        else:
            known = {
                "dataset_json_file_or_dict": dict(truth.dataset_json),
                "plans_json_file_or_dict": str(plans),
            }
            ensemble_folders(folders, str(output), num_processes=processes, **known)
        write_text(noted, sources)
    made = {case: output / f"{case}{truth.ending}" for case in one.predictions}
    return Model(f"{one.name}{ENSEMBLE}{other.name}", made, output, one.fold_of, one.run)

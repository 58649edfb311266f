"""Ensembles of pairs of models, made by nnU-Net from their saved probabilities."""

import itertools
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from nnunetv2.ensembling.ensemble import ensemble_crossvalidations, ensemble_folders

from ..dataset_files import check_model
from ..files import file_signature, write_text
from ..model_name import ENSEMBLE
from .ground_truth import GroundTruth
from .model import Model, without_probabilities


def make_ensembles(models: Sequence[Model], output: Path, processes: int, truth: GroundTruth) -> list[Model]:
    """All pairs of models that have probabilities in every run, one ensemble per run.

    Args:
        output: folder for the ensembles, see `make_ensemble`; with several runs it has one folder per run.
    """
    incomplete = without_probabilities(models)
    names = [name for name in dict.fromkeys(model.name for model in models) if name not in incomplete]
    by_key = {(model.name, model.run): model for model in models}
    runs = list(dict.fromkeys(model.run for model in models))
    ensembles = []
    for a, b in itertools.combinations(names, 2):
        folder = f"{a}___{b}"
        pair = [
            make_ensemble(by_key[a, r], by_key[b, r], output / r / folder, processes, truth) for r in runs
        ]
        ensembles += pair if None not in pair else []
    return ensembles


def make_ensemble(one: Model, other: Model, output: Path, processes: int, truth: GroundTruth) -> Model | None:
    """Ensemble two models with saved probabilities, as nnU-Net does, by averaging them.

    `output` is reused as long as the files of probabilities do not change.

    Returns:
        None if nnU-Net cannot ensemble them: neither folder has plans, or only one model has folds.

    Raises:
        ValueError: the plans or the dataset.json of a model are damaged.
    """
    folders = [str(one.folder), str(other.folder)]
    plans = next((p for p in (Path(f, "plans.json") for f in folders) if p.is_file()), None)
    if plans is None or bool(one.fold_by_case) != bool(other.fold_by_case):
        return None
    sources = json.dumps(
        [file_signature(model.probabilities(case)) for model in (one, other) for case in model.predictions]
    )
    source_file = output / "made_from.json"
    if not (source_file.is_file() and source_file.read_bytes() == sources.encode()):
        for folder in folders:
            check_model(Path(folder))
        shutil.rmtree(output, ignore_errors=True)
        if one.fold_by_case:
            folds = list(dict.fromkeys(one.fold_by_case.values()))
            ensemble_crossvalidations(folders, str(output), folds, processes)
        else:
            metadata = {
                "dataset_json_file_or_dict": dict(truth.dataset_json),
                "plans_json_file_or_dict": str(plans),
            }
            ensemble_folders(folders, str(output), num_processes=processes, **metadata)
        write_text(source_file, sources)
    predictions = {case: output / f"{case}{truth.ending}" for case in one.predictions}
    return Model(f"{one.name}{ENSEMBLE}{other.name}", predictions, output, one.fold_by_case, one.run)

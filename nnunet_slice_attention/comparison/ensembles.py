"""Ensembles of pairs of models, made by nnU-Net from their saved probabilities.

Of the compared cases only: nnU-Net's functions for whole folders stop at probabilities of other cases, such as those of
an earlier split.
"""

import itertools
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from nnunetv2.ensembling.ensemble import merge_files
from nnunetv2.imageio.base_reader_writer import BaseReaderWriter
from nnunetv2.utilities.label_handling.label_handling import LabelManager
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from ..dataset_files import check_model, read_description, read_plans
from ..evaluation.case_table import worker_pool
from ..files import file_signature, write_text
from ..messages import in_one_line
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
        None if they cannot be ensembled: neither folder has plans, or only one model has folds.

    Raises:
        ValueError: the plans or the dataset.json of a model are damaged, or probabilities cannot be averaged.
    """
    folders = [one.folder, other.folder]
    plans = next((p for p in (folder / "plans.json" for folder in folders) if p.is_file()), None)
    if plans is None or bool(one.fold_by_case) != bool(other.fold_by_case):
        return None
    sources = json.dumps(
        [file_signature(model.probabilities(case)) for model in (one, other) for case in model.predictions]
    )
    source_file = output / "made_from.json"
    if not (source_file.is_file() and source_file.read_bytes() == sources.encode()):
        for folder in folders:
            check_model(folder)
        shutil.rmtree(output, ignore_errors=True)
        output.mkdir(parents=True)
        description = (
            read_description(one.folder / "dataset.json") if one.fold_by_case else dict(truth.dataset_json)
        )
        shutil.copy(plans, output / "plans.json")
        write_text(output / "dataset.json", json.dumps(description, indent=4))
        manager = PlansManager(read_plans(plans))
        shared = (
            truth.ending,
            manager.image_reader_writer_class(),
            manager.get_label_manager(description),
        )
        with worker_pool(processes) as pool:
            made = [
                pool.submit(
                    _merge, [m.probabilities(case) for m in (one, other)], str(output / case), *shared
                )
                for case in one.predictions
            ]
            for merged in made:
                merged.result()
        write_text(source_file, sources)
    predictions = {case: output / f"{case}{truth.ending}" for case in one.predictions}
    return Model(f"{one.name}{ENSEMBLE}{other.name}", predictions, output, one.fold_by_case, one.run)


def _merge(
    probabilities: Sequence[Path], stem: str, ending: str, writer: BaseReaderWriter, labels: LabelManager
) -> None:
    """One case; nnU-Net reads the image's properties beside the first file of probabilities."""
    files = list(map(str, probabilities))
    try:
        merge_files(files, stem, ending, writer, labels)
    except Exception as error:  # of damaged files, anything
        raise ValueError(
            f"{' and '.join(files)} cannot be averaged: {in_one_line(error)}. Predict this case again with "
            "probabilities, or give --no-ensembles."
        ) from error

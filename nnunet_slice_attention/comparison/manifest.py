"""The record of a comparison's inputs, with hashes, to tell whether two comparisons are of the same data and models."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from ..environment import commit, hardware, versions
from ..files import read_json_or_empty, sha256
from ..inference.prediction_record import recorded
from ..model_name import FINAL
from .ground_truth import GroundTruth
from .model import Model
from .options import Options

TRAINING = (  # entries of nnU-Net's debug.json
    "num_epochs", "num_iterations_per_epoch", "batch_size", "initial_lr", "device", "gpu_name", "torch_version",
    "inference_allowed_mirroring_axes", "made_with", "torch_seed",
)  # fmt: skip


def make_manifest(models: Sequence[Model], truth: GroundTruth, options: Options) -> dict:
    """Options, data, models, versions and hardware of a comparison, for JSON.

    With several runs a model has one entry per run, which holds its name as `model` and its `run`.
    """
    splits = truth.folder.parent / "splits_final.json"
    return {
        "options": {k: str(v) if isinstance(v, Path) else v for k, v in asdict(options).items()},
        "dataset": {
            "name": truth.dataset_json.get("name", truth.folder.resolve().parent.name),
            "labels": truth.dataset_json["labels"],
            "truth_sha256": _combined_sha256(sorted(truth.file(case) for case in models[0].predictions)),
            "truths_left_out": [] if truth.splits else sorted({*truth.cases} - {*models[0].predictions}),
            "truth_spacings_mm": {case: list(spacing) for case, spacing in truth.spacings.items()},
            "splits_sha256": sha256(splits) if truth.splits and splits.is_file() else None,
        },
        "models": {model.label: _model_entry(model) for model in models},
        "versions": versions(),
        "commit": commit(),
        "hardware": hardware(),
    }


def _model_entry(model: Model) -> dict:
    """What a model's result depends on, as far as its folder shows."""
    plans = model.folder / "plans.json"
    folds = sorted({str(fold) for fold in model.fold_by_case.values()})
    checkpoints = [model.folder / f"fold_{fold}" / FINAL for fold in folds]
    debug_files = [model.folder / f"fold_{fold}" / "debug.json" for fold in folds]
    return ({"model": model.name, "run": model.run} if model.run else {}) | {
        "folds": folds,
        "cases": len(model.predictions),
        "cases_without_probabilities": len(model.cases_without_probabilities),
        "other_labels": model.other_labels,
        "plans_sha256": sha256(plans) if plans.is_file() else None,
        "checkpoints_sha256": {p.parent.name: sha256(p) for p in checkpoints if p.is_file()},
        "folds_older_than_checkpoint": [str(fold) for fold in model.stale_folds],
        "validated_with_other_checkpoints": {
            str(fold): checkpoint for fold, checkpoint in model.other_checkpoints.items()
        },
        "training": {p.parent.name: _training(p) for p in debug_files if p.is_file()},
        "prediction": recorded(model.folder) or None,
        "predictions_sha256": _combined_sha256(
            [model.predictions[case] for case in sorted(model.predictions)]
        ),
    }


def _training(debug_file: Path) -> dict:
    """What nnU-Net recorded when training began; empty if the file is damaged."""
    content = read_json_or_empty(debug_file)
    return {key: content[key] for key in TRAINING if key in content}


def _combined_sha256(paths: Iterable[Path]) -> str:
    return hashlib.sha256("".join(sha256(path) for path in paths).encode()).hexdigest()

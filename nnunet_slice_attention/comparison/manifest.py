"""What a comparison was made from, by hashes, so that a reader can tell whether two are of the same thing."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..environment import OURS, commit, hardware, versions
from ..files import read_json_or_empty
from ..inference.settings import SETTINGS
from .compared_models import Model
from .truth import Truth

TRAINING = (  # of nnU-Net's debug.json
    "num_epochs", "num_iterations_per_epoch", "batch_size", "initial_lr", "device", "gpu_name", "torch_version",
    "inference_allowed_mirroring_axes", "made_with", "torch_seed",
)  # fmt: skip


def manifest_of(models: Sequence[Model], truth: Truth, options: Mapping) -> dict:
    """Options, data, models, versions and hardware of a comparison; values that JSON takes.

    A model in several runs has an entry a run, which holds its name as `model` and its `run`.
    """
    splits = truth.folder.parent / "splits_final.json"
    return {
        "options": {k: str(v) if isinstance(v, Path) else v for k, v in options.items()},
        "dataset": {
            "name": truth.dataset_json.get("name", truth.folder.resolve().parent.name),
            "labels": truth.dataset_json["labels"],
            "truth_sha256": _together(sorted(truth.file(case) for case in models[0].predictions)),
            "truths_left_out": [] if truth.splits else sorted({*truth.cases} - {*models[0].predictions}),
            "splits_sha256": hash_of(splits) if truth.splits and splits.is_file() else None,
        },
        "models": {model.label: _of_model(model) for model in models},
        "versions": versions(),
        "commit": commit(),
        "hardware": hardware(),
    }


def _of_model(model: Model) -> dict:
    """What decides a model's result, as far as its folder tells."""
    plans = model.folder / "plans.json"
    folds = sorted({str(fold) for fold in model.fold_of.values()})
    checkpoints = [model.folder / f"fold_{fold}" / "checkpoint_final.pth" for fold in folds]
    noted = [model.folder / f"fold_{fold}" / "debug.json" for fold in folds]
    return ({"model": model.name, "run": model.run} if model.run else {}) | {
        "folds": folds,
        "cases": len(model.predictions),
        "cases_without_probabilities": len(model.without_probabilities),
        "plans_sha256": hash_of(plans) if plans.is_file() else None,
        "checkpoints_sha256": {p.parent.name: hash_of(p) for p in checkpoints if p.is_file()},
        "folds_older_than_checkpoint": [str(fold) for fold in model.older_than_checkpoint],
        "training": {p.parent.name: _training(p) for p in noted if p.is_file()},
        "prediction": read_json_or_empty(model.folder / SETTINGS).get(OURS),
        "predictions_sha256": _together([model.predictions[case] for case in sorted(model.predictions)]),
    }


def _training(noted: Path) -> dict:
    """What nnU-Net noted when the training began; nothing if the file is damaged."""
    everything = read_json_or_empty(noted)
    return {key: everything[key] for key in TRAINING if key in everything}


def hash_of(path: Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _together(paths: Iterable[Path]) -> str:
    return hashlib.sha256("".join(hash_of(path) for path in paths).encode()).hexdigest()

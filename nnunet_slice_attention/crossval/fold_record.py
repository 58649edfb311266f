"""What a fold is trained on, noted when its training starts: the split, the labels and the initial weights.

nnU-Net reads all three at every call and notes none of them. If one has changed, a training that is continued,
validated or compared would not be what the call says; after a change of the split, it would be evaluated on cases that
it has learned from.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..dataset_files import read_splits
from ..files import file_signature, read_json_or_empty, sha256, write_text

RECORD = "split.json"
LABELS, WEIGHTS = "labels_sha256", "pretrained_weights_sha256"
SHOWN = 5  # cases in one message
Split = Mapping[str, Sequence[str]]  # nnU-Net's: cases by "train" and "val"


@dataclass(frozen=True)
class Present:
    """What a training would start from now.

    Attributes:
        splits_file: `splits_final.json`, which may not exist.
        labels: nnU-Net's `gt_segmentations`.
        ending: of its files.
        weights: given with -pretrained_weights.
    """

    splits_file: Path
    labels: Path
    ending: str
    weights: Path | None = None

    def label(self, case: str) -> Path:
        return self.labels / f"{case}{self.ending}"


def record_fold(folder: Path, fold: str, present: Present) -> None:
    """Note the present state in the folder of a fold whose training is about to start."""
    if fold != "all" and not present.splits_file.is_file():
        return
    split = {} if fold == "all" else read_splits(present.splits_file)[int(fold)]
    cases = split.get("train") or sorted(
        path.name.removesuffix(present.ending) for path in present.labels.glob(f"*{present.ending}")
    )
    labels = {case: _sha256(present.label(case)) for case in cases if present.label(case).is_file()}
    weights = _sha256(present.weights) if present.weights else None
    write_text(folder / RECORD, json.dumps({**split, LABELS: labels, WEIGHTS: weights}))


def check_fold(folder: Path, name: str, split: Split | None, present: Present) -> None:
    """Raise ValueError if the training in a fold's folder began from another state than the present one.

    Only what was noted is compared: a training by `nnUNetv2_train` has no record, one of an earlier version the split.

    Args:
        name: of the training, for messages.
        split: of the fold; None for fold all.
        present: the present state; without `weights` any initial weights are accepted.
    """
    record = read_json_or_empty(folder / RECORD)
    again = f"or move {folder} away to train it again."
    trained = set(record.get("train", ()))
    if split and trained and trained != set(split["train"]):
        learned = len(trained & set(split["val"]))
        leaked = f": {learned} of its training cases are validation cases now" if learned else ""
        raise ValueError(
            f"{name} was trained on another split than that of splits_final.json{leaked}. Restore that split, {again}"
        )
    changed = [
        case
        for case, digest in record.get(LABELS, {}).items()
        if present.label(case).is_file() and _sha256(present.label(case)) != digest
    ]
    if changed:
        shown = ", ".join(changed[:SHOWN]) + (" ..." if len(changed) > SHOWN else "")
        raise ValueError(
            f"{name} was trained with other labels of {len(changed)} cases than those in {present.labels}: {shown}. "
            f"Restore them, {again}"
        )
    if present.weights and record.get(WEIGHTS) != _sha256(present.weights):
        known = WEIGHTS in record
        found = record.get(WEIGHTS) or ("none" if known else "unknown ones")
        raise ValueError(
            f"{name} has begun from {found[:12]} as initial weights, not from -pretrained_weights {present.weights} "
            f"({_sha256(present.weights)[:12]}). Call without -pretrained_weights to keep it, {again}"
        )


def _sha256(path: Path) -> str:
    return _sha256_of(file_signature(path))


@cache
def _sha256_of(signature: tuple[str, int, int]) -> str:
    """Of a file by its signature; read once, because labels are the same for all models of a call."""
    return sha256(Path(signature[0]))

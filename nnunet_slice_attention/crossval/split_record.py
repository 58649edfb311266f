"""The split that a fold is trained on, noted when its training starts.

nnU-Net reads `splits_final.json` at every call. If it has changed, a training that is continued or validated would be
evaluated on cases that it has learned from.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..dataset_files import read_splits
from ..files import read_json_or_empty, write_text

RECORD = "split.json"
Split = Mapping[str, Sequence[str]]  # nnU-Net's: cases by "train" and "val"


def record_split(folder: Path, splits_file: Path, fold: str) -> None:
    """Note the present split in the folder of a fold whose training is about to start."""
    if fold != "all" and splits_file.is_file():
        write_text(folder / RECORD, json.dumps(read_splits(splits_file)[int(fold)]))


def check_split(folder: Path, name: str, split: Split) -> None:
    """Raise ValueError if the training in a fold's folder was noted to be on another split than this one."""
    trained = set(read_json_or_empty(folder / RECORD).get("train", ()))
    if trained and trained != set(split["train"]):
        learned = len(trained & set(split["val"]))
        leaked = f": {learned} of its training cases are validation cases now" if learned else ""
        raise ValueError(
            f"{name} was trained on another split than that of splits_final.json{leaked}. Restore that split, or move "
            f"{folder} away to train it again."
        )

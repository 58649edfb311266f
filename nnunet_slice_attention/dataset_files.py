"""The JSON files that describe a data set or a trained model: read, or named with the next step if they are damaged."""

from pathlib import Path

from .files import read_json


def read_description(path: Path) -> dict:
    """`dataset.json`. Raise FileNotFoundError or ValueError, see `read_json`."""
    return read_json(path, "Put back the data set's dataset.json.", keys=("labels", "file_ending"))


def read_splits(path: Path) -> list[dict]:
    """`splits_final.json`: {"train": cases, "val": cases} of every fold. Raise as `read_description` does."""
    remedy = (
        "Put back the split that the models were trained on. If it was nnU-Net's own, remove the file: the next "
        "training writes it again."
    )
    splits = read_json(path, remedy, list)
    if not splits or not all(isinstance(fold, dict) and {"train", "val"} <= fold.keys() for fold in splits):
        raise ValueError(f"{path} is damaged: not every fold has train and val. {remedy}")
    return splits


def read_plans(path: Path) -> dict:
    """Plans of a data set or a model. Raise as `read_description` does."""
    remedy = "Put the file back, or plan the data set again with the command that wrote it."
    return read_json(path, remedy, keys=("plans_name", "configurations"))


def check_model(folder: Path) -> None:
    """Raise ValueError if a file that nnU-Net reads from a model's folder is damaged; those that are not there pass."""
    for name, read in (("dataset.json", read_description), ("plans.json", read_plans)):
        if (folder / name).is_file():
            read(folder / name)

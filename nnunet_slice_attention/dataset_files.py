"""Reads the JSON files that describe a data set or a trained model; errors name damaged files and the next step."""

from pathlib import Path

from .files import read_json


def read_description(path: Path) -> dict:
    """`dataset.json`. Raise FileNotFoundError or ValueError, see `read_json`."""
    return read_json(path, "Put back the data set's dataset.json.", keys=("labels", "file_ending"))


def read_splits(path: Path) -> list[dict]:
    """`splits_final.json`: {"train": cases, "val": cases} per fold. Raises like `read_description`."""
    remedy = (
        "Put back the split that the models were trained on. If it was nnU-Net's own, delete the file: training "
        "creates it again."
    )
    splits = read_json(path, remedy, list)
    if not splits or not all(isinstance(fold, dict) and {"train", "val"} <= fold.keys() for fold in splits):
        raise ValueError(f"{path} is damaged: some folds lack train or val. {remedy}")
    return splits


def read_plans(path: Path) -> dict:
    """Plans of a data set or a model. Raises like `read_description`."""
    remedy = "Put the file back, or plan the data set again with the command that created it."
    return read_json(path, remedy, keys=("plans_name", "configurations"))


def check_model(folder: Path) -> None:
    """Raise ValueError if a file that nnU-Net reads from a model's folder is damaged; missing files are ignored."""
    for name, read in (("dataset.json", read_description), ("plans.json", read_plans)):
        if (folder / name).is_file():
            read(folder / name)

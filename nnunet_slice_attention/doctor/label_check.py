"""Checks that the labels of a raw data set have only the values of its dataset.json, see `label_values`."""

from pathlib import Path

from ..dataset_files import dataset_id, find_reader, read_description, training_pairs
from ..label_values import problems_of_files
from ..messages import first_few
from .check import Check

NAME = "label values"


def check_label_values(folder: Path, dataset: str | int) -> list[Check]:
    """Read all labels. Empty where `check_headers` has named why they cannot be read.

    Args:
        folder: the raw data set.
        dataset: id or name, for the next step.
    """
    try:
        dataset_json = read_description(folder / "dataset.json")
        pairs = list(training_pairs(folder, dataset_json).values())
        labels = [label for _, label in pairs]
        reader = find_reader(dataset_json, pairs[0][0])() if pairs else None
    except (OSError, ValueError, RuntimeError):
        return []
    if reader is None:
        return []
    wrong = problems_of_files(labels, reader, dataset_json)
    if not wrong:
        return [Check(NAME, True, f"those of dataset.json in all {len(labels)} cases")]
    texts = (f"{path} {problem.removesuffix('.')}" for path, problem in wrong.items())
    text = f"{len(wrong)} of {len(labels)} labels are wrong: {first_few(texts, '; ')}"
    step = f"Correct the files, then nnUNetv2_plan_and_preprocess -d {dataset_id(dataset)} --clean"
    return [Check(NAME, False, text, step)]

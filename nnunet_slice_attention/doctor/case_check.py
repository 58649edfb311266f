"""Checks that training would use the cases and labels that the user expects: the present ones, and all of them."""

from pathlib import Path

from ..dataset_files import read_description, read_splits, training_pairs
from ..preprocessed_cases import changed_labels, preprocessed_cases
from .check import Check, listed

SPLITS = "splits_final.json"


def check_cases(raw: Path | None, preprocessed: Path, data: Path, dataset: str | int) -> list[Check]:
    """Labels against nnU-Net's copies, raw cases against preprocessed ones, and those against the split.

    Args:
        raw: folder of the raw data set, if it is there.
        preprocessed: folder of the preprocessed data set.
        data: its folder with the cases preprocessed for a configuration.
        dataset: id or name, for the next step.
    """
    again = f"nnUNetv2_plan_and_preprocess -d {dataset} --clean"
    cases = preprocessed_cases(data)
    try:
        return [
            *(_check_labels(raw, preprocessed / "gt_segmentations", again) if raw else ()),
            *(_check_preprocessed(raw, cases, again) if raw else ()),
            *_check_split(preprocessed / SPLITS, cases, again),
        ]
    except ValueError as error:
        return [Check("cases", False, str(error), "Training cannot begin with a damaged file.")]


def _check_labels(raw: Path, ground_truth: Path, again: str) -> list[Check]:
    if not (raw / "dataset.json").is_file() or not ground_truth.is_dir():
        return []
    changed = changed_labels(raw, ground_truth, read_description(raw / "dataset.json"))
    if not changed:
        return [Check("labels", True, "those that nnU-Net preprocessed are the present ones")]
    text = f"{len(changed)} labels were changed after preprocessing, so training ignores the change: {listed(changed)}"
    step = f"Remove {ground_truth} and run {again}; then train again what was trained before."
    return [Check("labels", False, text, step)]


def _check_preprocessed(raw: Path, cases: set[str], again: str) -> list[Check]:
    if not (raw / "dataset.json").is_file():
        return []
    missing = sorted(training_pairs(raw, read_description(raw / "dataset.json")).keys() - cases)
    if not missing:
        return []
    text = f"{len(missing)} raw cases are not preprocessed, so training does not use them: {listed(missing)}"
    return [Check("cases", True, text, f"If it should: {again}")]


def _check_split(path: Path, cases: set[str], again: str) -> list[Check]:
    if not path.is_file():  # training writes one
        return []
    folds = read_splits(path)
    used = {case for fold in folds for part in ("train", "val") for case in fold[part]}
    if missing := sorted(used - cases):
        text = f"{len(missing)} cases of {path} are not preprocessed: {listed(missing)}"
        return [Check("split", False, text, f"{again}, or remove them from the split.")]
    if unused := sorted(cases - used):
        text = f"{len(unused)} preprocessed cases are in no fold of {path}, so no fold uses them: {listed(unused)}"
        step = (
            f"nnU-Net keeps a split when cases are added. If they are to be used, move {path.name} away, so that "
            "training writes a new one, and train all folds again."
        )
        return [Check("split", True, text, step)]
    return []

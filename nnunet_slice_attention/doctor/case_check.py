"""Checks that training would use the cases and labels that the user expects: the present ones, and all of them."""

from pathlib import Path

from ..dataset_files import read_description, read_splits, training_pairs
from ..preprocessed_cases import changed_description, changed_labels, preprocessed_cases
from .check import Check, listed

SPLITS = "splits_final.json"


def check_cases(raw: Path | None, preprocessed: Path, data: Path, dataset: str | int) -> list[Check]:
    """The raw data set against what nnU-Net preprocessed, and that against the split.

    Args:
        raw: folder of the raw data set, if it is there.
        preprocessed: folder of the preprocessed data set.
        data: its folder with the cases preprocessed for a configuration.
        dataset: id or name, for the next step.
    """
    again = f"nnUNetv2_plan_and_preprocess -d {dataset} --clean"
    try:
        cases = preprocessed_cases(data)
        return [
            *(
                _check_raw(raw, preprocessed, cases, again)
                if raw and (raw / "dataset.json").is_file()
                else ()
            ),
            *_check_split(preprocessed / SPLITS, cases, again),
        ]
    except ValueError as error:
        return [Check("cases", False, str(error), "Training cannot begin with a damaged file.")]


def _check_raw(raw: Path, preprocessed: Path, cases: set[str], again: str) -> list[Check]:
    if changed := changed_description(raw, preprocessed):
        text = f"dataset.json was changed after preprocessing, so training ignores the change: {changed}"
        return [Check("labels", False, text, f"{again}; then train again what was trained before.")]
    description, ground_truth = read_description(raw / "dataset.json"), preprocessed / "gt_segmentations"
    pairs = training_pairs(raw, description)
    changed_cases = changed_labels(raw, ground_truth, description)
    newer = [case for case in pairs if _is_newer(pairs[case][1], preprocessed, case)]
    found = []
    if changed_cases:
        text = (
            f"{len(changed_cases)} labels were changed after preprocessing, so training ignores the change: "
        )
        step = f"Remove {ground_truth} and run {again}; then train again what was trained before."
        found.append(Check("labels", False, text + listed(changed_cases), step))
    elif newer:
        text = f"{len(newer)} labels are newer than data preprocessed from them, of some configuration: {listed(newer)}"
        found.append(Check("labels", True, text, f"If they were changed, not only copied: {again}"))
    elif pairs:
        found.append(Check("labels", True, "those that nnU-Net preprocessed are the present ones"))
    for name, others in {
        "are not preprocessed, so training does not use them": pairs.keys() - cases,
        "are no longer in the raw data set, but training still uses them": cases - pairs.keys()
        if pairs
        else (),
    }.items():
        if others:
            text = f"{len(others)} cases {name}: {listed(sorted(others))}"
            found.append(Check("cases", True, text, f"If that is not intended: {again}"))
    return found


def _is_newer(label: Path, preprocessed: Path, case: str) -> bool:
    """Whether a label was written after data were preprocessed from it, for any configuration."""
    return any(file.stat().st_mtime < label.stat().st_mtime for file in preprocessed.glob(f"*/{case}.pkl"))


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

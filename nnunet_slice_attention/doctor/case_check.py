"""Checks that training would use the cases and files that the user expects: the present ones, and all of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..dataset_files import (
    OWN_FOLDS,
    dataset_id,
    read_description,
    read_splits,
    training_images,
    training_labels,
    training_pairs,
)
from ..messages import first_few
from ..plans.preprocessed_cases import (
    changed_description,
    changed_labels,
    newer_than_data,
    preprocessed_cases,
)
from .check import Check

SPLITS = "splits_final.json"


def check_cases(raw: Path | None, preprocessed: Path, data: Path, dataset: str | int) -> list[Check]:
    """The raw data set against what nnU-Net preprocessed, and that against the split.

    Args:
        raw: folder of the raw data set, if it is there.
        preprocessed: folder of the preprocessed data set.
        data: its folder with the cases preprocessed for a configuration.
        dataset: id or name, for the next step.
    """
    again = f"nnUNetv2_plan_and_preprocess -d {dataset_id(dataset)} --clean"
    try:
        cases = preprocessed_cases(data)
        return [
            *_check_raw(raw, preprocessed, cases, again),
            *_check_split(preprocessed / SPLITS, cases, again),
        ]
    except ValueError as error:
        return [Check("cases", False, str(error), "Training cannot begin with a damaged file.")]


def _check_raw(raw: Path | None, preprocessed: Path, cases: set[str], again: str) -> list[Check]:
    if raw is None or not (raw / "dataset.json").is_file():
        return []
    if changed := changed_description(raw, preprocessed):
        text = f"dataset.json was changed after preprocessing, which training ignores: {changed}"
        return [Check("labels", False, text, f"{again}; then train again what was trained before.")]
    description, ground_truth = read_description(raw / "dataset.json"), preprocessed / "gt_segmentations"
    labels = {case: [label] for case, label in training_labels(raw, description).items()}
    if not labels:
        return []
    checks = [_check_labels(changed_labels(raw, ground_truth, description), labels, ground_truth, again)]
    pairs = training_pairs(raw, description)
    if not pairs:  # the images were removed, which training no longer needs
        return checks
    checks += _check_images(training_images(raw, description), preprocessed, again)
    for fate, others in {
        "are not preprocessed, so training does not use them": pairs.keys() - cases,
        "are no longer in the raw data set, but training still uses them": cases - pairs.keys(),
    }.items():
        if others:
            text = f"{len(others)} cases {fate}: {first_few(sorted(others))}"
            checks.append(Check("cases", True, text, f"If that is not intended: {again}"))
    return checks


def _check_labels(
    changed: Sequence[str], labels: Mapping[str, Sequence[Path]], ground_truth: Path, again: str
) -> Check:
    if changed:
        text = f"{len(changed)} labels were changed after preprocessing, which training ignores: {first_few(changed)}"
        step = (
            f"Remove {ground_truth} and run {again}, for other plans nnUNetv2_preprocess -plans_name; then train again "
            "what was trained before."
        )
        return Check("labels", False, text, step)
    if newer := newer_than_data(labels, _folders(ground_truth.parent)):
        text = f"{len(newer)} labels are newer than the data of a configuration made from them: {first_few(newer)}"
        step = (
            f"If they were changed, not only copied: {again}, for other plans nnUNetv2_preprocess -plans_name"
        )
        return Check("labels", True, text, step)
    return Check("labels", True, "those that nnU-Net preprocessed are the present ones")


def _check_images(images: Mapping[str, Sequence[Path]], preprocessed: Path, again: str) -> list[Check]:
    newer = newer_than_data(images, _folders(preprocessed))
    if not newer:
        return []
    text = (
        f"{len(newer)} images are newer than the data of a configuration made from them: {first_few(newer)}"
    )
    step = (
        f"If they were replaced, not only copied: {again}, for other plans nnUNetv2_preprocess -plans_name; then train "
        "again what was trained before."
    )
    return [Check("images", True, text, step)]


def _folders(preprocessed: Path) -> list[Path]:
    return [path for path in preprocessed.iterdir() if path.is_dir()]


def _check_split(path: Path, cases: set[str], again: str) -> list[Check]:
    if not path.is_file():  # training writes one
        if not 0 < len(cases) < OWN_FOLDS:
            return []
        text = f"{len(cases)} cases; nnU-Net's own split needs {OWN_FOLDS}, so only fold all can be trained"
        return [Check("split", True, text, f"Write one to {path}, or train fold all.")]
    folds = read_splits(path)
    used = {case for fold in folds for part in ("train", "val") for case in fold[part]}
    if missing := sorted(used - cases):
        text = f"{len(missing)} cases of {path} are not preprocessed: {first_few(missing)}"
        return [Check("split", False, text, f"{again}, or remove them from the split.")]
    if unused := sorted(cases - used):
        text = f"{len(unused)} preprocessed cases are in no fold of {path}, so no fold uses them: {first_few(unused)}"
        step = (
            f"nnU-Net keeps a split when cases are added. If they are to be used, move {path.name} away, so that "
            "training writes a new one, and train all folds again."
        )
        return [Check("split", True, text, step)]
    return []

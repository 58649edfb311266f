"""The record next to predictions of what they were made with, to distinguish predictions of the same model.

The record is one entry of nnU-Net's own file: the settings of the latest call and the `cases` that they apply to;
cases of other settings are under `earlier`; checksums of all cases' images are under `images_sha256`; cases that a call
was to predict again, and has not yet, are under `to_replace`. It makes no statement about files that it does not list,
such as those of `nnUNetv2_predict`, which removes it. Records of earlier versions, without `cases`, apply to all files
that are not listed.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..environment import OURS, commit, versions
from ..files import cached_sha256, read_json_or_empty, write_text
from .cases import NNUNET_RECORD, Case
from .predictor import SlabPredictor

CASES, EARLIER, WEIGHTS, IMAGES = "cases", "earlier", "weights_sha256", "images_sha256"
TO_REPLACE = "to_replace"
# What the result depends on; device and numbers of processes are not recorded.
DECISIVE = ("trainer", "plans", "folds_averaged", WEIGHTS, "mirroring_axes", "tile_step_size", "neighbours")
SOURCE = ("model", "folds", "checkpoint")  # where the weights are from: explains other weights
CHECKSUM_LENGTH = 12  # digits in messages


def settings_of(predictor: SlabPredictor) -> dict:
    """What the result depends on, and the versions, as JSON values."""
    return {
        **predictor.source,
        "trainer": predictor.trainer_name,
        "plans": predictor.plans_manager.plans_name,
        "folds_averaged": len(predictor.list_of_parameters),
        WEIGHTS: [weights_sha256(state) for state in predictor.list_of_parameters],
        "mirroring_axes": list(predictor.allowed_mirroring_axes or ()) if predictor.use_mirroring else [],
        "tile_step_size": predictor.tile_step_size,
        "neighbours": predictor.neighbours,
        "versions": versions(),
        "commit": commit(),
    }


def weights_sha256(state: Mapping[str, Tensor]) -> str:
    """Of names, types, shapes and values: the same for a checkpoint, a copy of it and a bundle made from it."""
    checksum = hashlib.sha256()
    for name, weight in sorted(state.items()):
        checksum.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode())
        checksum.update(weight.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return checksum.hexdigest()


def images_sha256(case: Case) -> str:
    """Of the content of a case's `inputs`, in order."""
    checksums = [cached_sha256(path) for path in case.inputs if path.is_file()]
    return hashlib.sha256("".join(checksums).encode()).hexdigest()


def has_other_images(folder: Path, case: Case) -> bool:
    """Whether the record says that the prediction in `folder` is of other images than those of `case`."""
    noted = recorded_images(folder).get(case.output.name)
    return noted is not None and noted != images_sha256(case)


def has_these_images(folder: Path, case: Case) -> bool:
    """Whether the record says that the prediction in `folder` is of the images of `case`."""
    return recorded_images(folder).get(case.output.name) == images_sha256(case)


def recorded(folder: Path) -> dict:
    """The record in `folder`; {} if there is none, or while a parallel call of nnU-Net is writing its file."""
    record = read_json_or_empty(folder / NNUNET_RECORD).get(OURS)
    return record if isinstance(record, dict) else {}


def recorded_cases(folder: Path) -> set[str]:
    """File names of the predictions that the record in `folder` lists, whatever their settings."""
    return {case for entry in _entries(recorded(folder)) for case in entry.get(CASES, ())}


def recorded_images(folder: Path) -> dict[str, str]:
    """Checksums of the images of the predictions in `folder`, as far as known, by the predictions' file names."""
    return recorded(folder).get(IMAGES, {})


def write_record(folder: Path, record: Mapping) -> None:
    """Add the record to nnU-Net's."""
    path = folder / NNUNET_RECORD
    write_text(path, json.dumps(read_json_or_empty(path) | {OURS: record}, indent=2))


def with_cases(
    record: Mapping, settings: Mapping, images: Mapping[str, str], to_replace: Iterable[str] = ()
) -> dict:
    """`record` after cases are predicted with `settings`.

    Args:
        record: of the folder so far; may be empty.
        settings: of this call.
        images: checksum of each case's images, see `images_sha256`, by the file name of its segmentation.
        to_replace: file names of segmentations that this call is still to replace.
    """
    own, others = set(images), []
    for entry in _entries(record):
        if CASES in entry and _without_cases(entry) == settings:
            own.update(entry[CASES])
        else:
            others.append(entry)
    for entry in others:
        if CASES in entry:
            entry[CASES] = [case for case in entry[CASES] if case not in own]
    earlier = [entry for entry in others if entry.get(CASES) != []]
    seen = {IMAGES: record.get(IMAGES, {}) | images}
    left = sorted({*record.get(TO_REPLACE, ()), *to_replace} - set(images))
    optional = {key: value for key, value in ((EARLIER, earlier), (TO_REPLACE, left)) if value}
    return {**settings, CASES: sorted(own)} | optional | seen


def left_to_replace(folder: Path, settings: Mapping) -> set[str]:
    """Predictions that a call which did not end was to replace, but for those of the present settings and weights."""
    record = recorded(folder)
    entries = [entry for entry in _entries(record) if WEIGHTS in entry and not _differing(entry, settings)]
    return {*record.get(TO_REPLACE, ())} - {case for entry in entries for case in entry.get(CASES, ())}


def check_continues(folder: Path, settings: Mapping, predicted: Sequence[str]) -> None:
    """Raise ValueError if one of these predictions in `folder` is recorded to be of other settings or weights.

    Those without a record are accepted: nobody knows how they were made.

    Args:
        folder: of the predictions.
        settings: of this call.
        predicted: their file names.
    """
    record = recorded(folder)
    for case in predicted:
        entry = next((e for e in _entries(record) if case in e.get(CASES, [case])), {})
        if differs := _differences(entry, settings):
            raise ValueError(
                f"--continue_prediction: {folder / case} was predicted with other settings: {'; '.join(differs)}. "
                "Predict without --continue_prediction to predict all cases again, or choose another -o."
            )


def check_one_model(name: str, folder: Path, predicted: Sequence[str]) -> None:
    """Raise ValueError if these predictions in `folder` are recorded to be of several settings or weights.

    Args:
        name: of the model that they are taken for, for the message.
        folder: of the predictions.
        predicted: their file names.
    """
    record = recorded(folder)
    listed = recorded_cases(folder)
    unlisted = [case for case in predicted if case not in listed]  # an entry without cases applies to them
    found = [(next((c for c in predicted if c in e.get(CASES, unlisted)), None), e) for e in _entries(record)]
    found = [(case, entry) for case, entry in found if case]
    for case, entry in found[1:]:
        first, settings = found[0]
        if differ := _differing(settings, entry):
            texts = (f"{key} {_text(settings, key)} and {_text(entry, key)}" for key in differ)
            raise ValueError(
                f"{name}: by {folder / NNUNET_RECORD}, {folder} has predictions of more than one model: {first} and "
                f"{case} differ in {'; '.join(texts)}. Predict all cases again without --continue_prediction, or move "
                "those of one model to a folder of their own."
            )


def _differences(entry: Mapping, settings: Mapping) -> list[str]:
    """One text per setting that differs, with both values."""
    return [f"{key} {_text(entry, key)}, now {_text(settings, key)}" for key in _differing(entry, settings)]


def _differing(one: Mapping, other: Mapping) -> list[str]:
    """The settings that differ and change predictions; those that an earlier version did not record do not differ."""
    keys = [key for key in DECISIVE if key in one and key in other]
    differ = [key for key in keys if _comparable(one, key) != _comparable(other, key)]
    if WEIGHTS in differ:
        differ = [key for key in SOURCE if one.get(key) != other.get(key)] + differ
    return differ


def _comparable(settings: Mapping, key: str) -> object:
    return sorted(settings[key]) if key == WEIGHTS else settings[key]  # the order of folds has no effect


def _text(settings: Mapping, key: str) -> str:
    value = settings.get(key, "unknown")
    if not isinstance(value, list):
        return str(value)
    return " ".join(str(v)[:CHECKSUM_LENGTH] for v in value) or "none"


def _entries(record: Mapping) -> list[dict]:
    """The settings of the latest call, then earlier ones, each with its cases; none for an empty record."""
    if not record:
        return []
    latest = {key: value for key, value in record.items() if key not in (EARLIER, IMAGES, TO_REPLACE)}
    return [latest, *map(dict, record.get(EARLIER, ()))]


def _without_cases(entry: Mapping) -> dict:
    return {key: value for key, value in entry.items() if key != CASES}

"""What a fold is trained on, noted when its training starts: the split, the labels and the initial weights.

nnU-Net notes none of them, and reads split and labels at every call. If they have changed, a training that is
continued, validated or compared would not be what the call says; after a change of the split, it would be evaluated on
cases that it has learned from.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nnunetv2.imageio.base_reader_writer import BaseReaderWriter

from ..dataset_files import Split, find_reader, read_splits, segmentations
from ..files import cached_sha256, file_signature, in_threads, write_text
from ..fold_split import FOLD_RECORD, check_trained_split, read_fold_record
from ..messages import first_few
from ..tiff_spacing import read_segmentation

LABELS, VOXELS, WEIGHTS = "labels_sha256", "voxels_sha256", "pretrained_weights_sha256"
THREADS = 4  # each holds a volume
DIGITS = 12  # of a checksum in a message


@dataclass(frozen=True)
class TrainingInputs:
    """Split, labels and initial weights that a training would use now.

    Attributes:
        splits_file: `splits_final.json`, which may not exist.
        labels: nnU-Net's `gt_segmentations`.
        dataset_json: content of `dataset.json`.
        weights: given with -pretrained_weights.
        plans: of the training, see `find_reader`.
    """

    splits_file: Path
    labels: Path
    dataset_json: Mapping
    weights: Path | None = None
    plans: Path | None = None

    @property
    def ending(self) -> str:
        return self.dataset_json["file_ending"]

    def label_checksums(self, cases: Iterable[str]) -> dict[str, str]:
        """Of the label files of those cases that have one."""
        files = {case: self.labels / f"{case}{self.ending}" for case in cases}
        files = {case: file for case, file in files.items() if file.is_file()}
        return in_threads(lambda case: cached_sha256(files[case]), files)

    def voxel_checksums(self, cases: Iterable[str]) -> dict[str, str]:
        """Of the labels themselves, whatever the compression of their files."""
        files = {case: self.labels / f"{case}{self.ending}" for case in cases}
        if not files:
            return {}
        reader = find_reader(self.dataset_json, next(iter(files.values())), self.plans)
        signatures = {case: (file, file_signature(file)) for case, file in files.items()}
        return in_threads(lambda case: _voxels_sha256(reader, *signatures[case]), files, THREADS)

    def weights_checksum(self) -> str | None:
        return cached_sha256(self.weights) if self.weights else None


def record_fold(folder: Path, fold: str, training_inputs: TrainingInputs) -> None:
    """Note the training inputs in the folder of a fold whose training is about to start."""
    if fold != "all" and not training_inputs.splits_file.is_file():
        return
    split = {} if fold == "all" else read_splits(training_inputs.splits_file)[int(fold)]
    labels = training_inputs.label_checksums(
        split.get("train") or segmentations(training_inputs.labels, training_inputs.ending)
    )
    noted = {
        LABELS: labels,
        VOXELS: training_inputs.voxel_checksums(labels),
        WEIGHTS: training_inputs.weights_checksum(),
    }
    write_text(folder / FOLD_RECORD, json.dumps({**split, **noted}))


def check_fold(
    folder: Path, name: str, split: Split | None, training_inputs: TrainingInputs, others_start: bool = False
) -> None:
    """Raise ValueError if the training in a fold's folder began from other inputs than the present ones.

    Only what was noted is compared. Our trainers note the split in `nnUNetv2_train`, too; of others there are only the
    numbers of cases in nnU-Net's logs.

    Args:
        name: of the training, for messages.
        split: of the fold; None for fold all.
        training_inputs: the present ones.
        others_start: whether other folds of the model start now, so that no initial weights count as others too.
    """
    record = read_fold_record(folder)
    again = f"or move {folder} away to train it again."
    if split:
        check_trained_split(name, folder, split["train"], split["val"])
    if changed := _changed_labels(record, training_inputs):
        raise ValueError(
            f"{name} was trained with other labels of {len(changed)} cases than those in {training_inputs.labels}: "
            f"{first_few(changed)}. Restore them, {again}"
        )
    given = training_inputs.weights_checksum()
    if WEIGHTS in record and given != record[WEIGHTS] and (given or others_start):
        raise ValueError(
            f"{name} began {_described(record[WEIGHTS])}, but this call starts {_described(given)}. Give all folds of "
            f"a model the same -pretrained_weights, leave this one out with -f, {again}"
        )


def _changed_labels(record: Mapping, training_inputs: TrainingInputs) -> list[str]:
    noted = record.get(LABELS, {})
    files = training_inputs.label_checksums(noted)
    other_files = [case for case, checksum in files.items() if checksum != noted[case]]
    voxels = training_inputs.voxel_checksums(other_files)
    return [case for case in other_files if voxels[case] != record.get(VOXELS, {}).get(case)]


def _described(weights: str | None) -> str:
    return f"from weights with SHA-256 {weights[:DIGITS]}..." if weights else "without -pretrained_weights"


@cache
def _voxels_sha256(reader: type[BaseReaderWriter], file: Path, signature: tuple[str, int, int]) -> str:
    """Of a label file, which is read again only if its signature is another, see `file_signature`."""
    voxels, _ = read_segmentation(reader(), file)
    return hashlib.sha256(f"{voxels.shape}".encode() + voxels.astype("<i4").tobytes()).hexdigest()

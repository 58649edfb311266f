"""A fold is continued, validated or compared only with the split, labels and weights that it began with."""

import gzip
import json
from dataclasses import replace

import pytest

from nnunet_slice_attention.crossval.model_job import Settings
from nnunet_slice_attention.tiff_spacing import read_segmentation
from tests.crossval.tiny_crossval import save_checkpoint
from tests.tiny_data import TinyDataset, draw_volume, shear, write

SPLITS = [{"train": ["a", "b"], "val": ["c"]}, {"train": ["b", "c"], "val": ["a"]}]


@pytest.fixture
def preprocessed(job, monkeypatch, tmp_path):
    """A data set of three cases and two folds."""
    folder = tmp_path / "preprocessed" / job.dataset_name
    (folder / "gt_segmentations").mkdir(parents=True)
    for seed, case in enumerate("abc"):
        write_label(folder, case, seed)
    (folder / "dataset.json").write_text(json.dumps(TinyDataset(701, "Tiny").dataset_json))
    (folder / "splits_final.json").write_text(json.dumps(SPLITS))
    monkeypatch.setattr(
        "nnunet_slice_attention.crossval.training_job.nnUNet_preprocessed", str(folder.parent)
    )
    return folder


def write_label(folder, case, seed):
    _, labels = draw_volume(3, seed, channels=1, with_ignore=False)
    write(labels, folder / "gt_segmentations" / f"{case}.nii.gz")


def test_a_training_is_not_continued_or_validated_on_another_split(job, preprocessed):
    job.prepare()
    job.check_record(SPLITS[::-1])  # nothing is trained yet
    for name in ("latest", "final"):
        save_checkpoint(job, name)
        job.check_record([{"train": ["b", "a"], "val": ["c", "d"]}])
        with pytest.raises(
            ValueError, match=r"another split .*: 1 of its training cases are validation cases now"
        ):
            job.check_record(SPLITS[::-1])
    (job.folder / "split.json").unlink()  # trained by nnUNetv2_train
    job.check_record(SPLITS[::-1])


@pytest.mark.parametrize("fold", ["0", "all"])
def test_a_training_is_not_continued_validated_or_done_with_other_labels(fold, job, preprocessed):
    job = replace(job, fold=fold)
    job.folder.mkdir(exist_ok=True)
    job.prepare()
    save_checkpoint(job, "final")
    job.check_record(SPLITS)
    label = preprocessed / "gt_segmentations" / "b.nii.gz"
    label.write_bytes(gzip.compress(gzip.decompress(label.read_bytes()), 1))  # the same voxels
    job.check_record(SPLITS)
    write_label(preprocessed, "b", 9)
    with pytest.raises(
        ValueError, match=rf"fold {fold} was trained with other labels of 1 cases .*: b\. Restore"
    ):
        job.check_record(SPLITS)


def test_labels_are_read_by_the_reader_of_the_plans(job, preprocessed):
    shear(preprocessed / "gt_segmentations" / "b.nii.gz")  # which ITK, that reads "a", cannot read
    (preprocessed / f"{job.model.plans}.json").write_text(json.dumps({"image_reader_writer": "NibabelIO"}))
    job.prepare()
    assert json.loads((job.folder / "split.json").read_text())["voxels_sha256"].keys() == {"a", "b"}


def test_labels_are_read_again_only_if_they_were_replaced(job, preprocessed, monkeypatch):
    """All models of a fold start from the same labels, hundreds of volumes."""
    read, module = [], "nnunet_slice_attention.crossval.fold_record"

    def counted(reader, file):
        read.append(file.name)
        return read_segmentation(reader, file)

    monkeypatch.setattr(f"{module}.read_segmentation", counted)
    job.prepare()
    noted = (job.folder / "split.json").read_text()
    job.prepare()
    assert sorted(read) == ["a.nii.gz", "b.nii.gz"] and (job.folder / "split.json").read_text() == noted
    write_label(preprocessed, "b", 9)
    job.prepare()
    assert read[2:] == ["b.nii.gz"] and (job.folder / "split.json").read_text() != noted


def test_without_a_record_the_numbers_of_cases_in_the_log_tell_another_split(job, preprocessed):
    moved = [{"train": ["a"], "val": ["c", "b"]}]  # "b" was learned from
    log = "now: This split has 2 training and 1 validation cases. \nnow: Epoch 0 \n"
    (job.folder / "training_log_2026_1_1_10_00_00.txt").write_text(log)
    for name in ("latest", "final"):  # to be continued; to be validated
        save_checkpoint(job, name)
        job.check_record(SPLITS)
        with pytest.raises(
            ValueError, match=r"fold 0 was trained on 2 training and 1 .* has 1 and 2: .*leakage"
        ):
            job.check_record(moved)
    (job.folder / "split.json").write_text(json.dumps({"train": ["a"], "val": ["c", "b"]}))
    job.check_record(moved)  # the record is more exact


@pytest.mark.parametrize("trained", [False, True])
def test_predictions_left_from_an_earlier_split_are_named_before_training_or_validation(
    trained, job, preprocessed
):
    """Validation would leave them, and its summary would list them: it would never look done."""
    (job.folder / "validation").mkdir()
    for name in ("c.nii.gz", "left.nii.gz", "._c.nii.gz"):
        (job.folder / "validation" / name).touch()
    if trained:
        save_checkpoint(job, "final")
    with pytest.raises(
        ValueError, match=r"fold 0: left not in this fold .* remove them from .*validation, also"
    ):
        job.check_record(SPLITS)
    replace(job, fold="all").check_record(SPLITS)
    (job.folder / "validation" / "left.nii.gz").unlink()
    job.check_record(SPLITS)


def test_labels_of_validation_cases_may_change(job, preprocessed):
    job.prepare()
    save_checkpoint(job, "final")
    write_label(preprocessed, "c", 9)
    job.check_record(SPLITS)


def test_other_pretrained_weights_than_those_of_the_start_are_refused(job, preprocessed, tmp_path):
    weights, others = tmp_path / "w.pth", tmp_path / "others.pth"
    weights.write_text("weights")
    others.write_text("others")

    def given(path):
        return replace(job, settings=Settings(device="cpu", pretrained_weights=path))

    given(weights).prepare()
    save_checkpoint(job, "latest")
    given(weights).check_record(SPLITS, others_start=True)
    job.check_record(SPLITS)
    with pytest.raises(
        ValueError, match=r"fold 0 began from .*, but this call starts without -pretrained_weights"
    ):
        # Of one model, some folds with the weights and some without.
        job.check_record(SPLITS, others_start=True)
    with pytest.raises(
        ValueError, match=r"began from weights with .*, but this call starts from weights with .*-f"
    ):
        given(others).check_record(SPLITS)
    (job.folder / "checkpoint_latest.pth").unlink()
    job.prepare()  # starts without weights
    save_checkpoint(job, "latest")
    with pytest.raises(
        ValueError, match="began without -pretrained_weights, but this call starts from weights"
    ):
        given(weights).check_record(SPLITS)
    (job.folder / "split.json").unlink()  # not known
    given(weights).check_record(SPLITS, others_start=True)

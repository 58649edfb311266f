"""`doctor` names labels with values that nnU-Net would cut off, and labels that dataset.json lacks."""

import numpy as np
import pytest

from nnunet_slice_attention.dataset_files import find_reader
from nnunet_slice_attention.doctor.dataset_checks import check_dataset
from nnunet_slice_attention.doctor.label_check import check_label_values
from nnunet_slice_attention.trainers import resolve_trainer
from tests.tiny_data import TinyDataset, read, shear, write, write_raw

DATASET = TinyDataset(804, "Labels")


@pytest.fixture
def raw(tmp_path):
    write_raw(tmp_path, DATASET)
    return tmp_path / DATASET.folder


def label(raw, change):
    path = raw / "labelsTr" / "case_3.nii.gz"
    write(change(read(path)), path)
    return path


def test_labels_of_dataset_json_are_ok(raw):
    (check,) = check_label_values(raw, 804)
    assert check.verdict == "ok" and check.text == "those of dataset.json in all 6 cases"


def test_labels_are_read_by_the_reader_of_the_first_image_as_in_training(raw):
    shear(raw / "imagesTr" / "case_0_0000.nii.gz")
    shear(raw / "labelsTr" / "case_1.nii.gz")
    assert [check.verdict for check in check_label_values(raw, 804)] == ["ok"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda labels: labels * np.float32(0.9999), "contains values that are not labels, e.g. 0.9999"),
        (lambda labels: labels * 2, "contains label 4, but the data set has 0, 1, 2"),
        (lambda labels: labels.astype("i2") - 1, "contains label -1, but"),
    ],
    ids=["resampled", "unknown", "negative"],
)
def test_other_values_are_wrong(change, text, raw, tmp_path, monkeypatch):
    path = label(raw, change)
    (check,) = check_label_values(raw, 804)
    assert not check.ok and "1 of 6 labels" in check.text and f"{path} " in check.text and text in check.text
    for variable in ("nnUNet_raw", "nnUNet_preprocessed"):
        monkeypatch.setenv(variable, str(tmp_path))
    assert check in check_dataset(804, "nnUNetPlans", resolve_trainer("nnUNetTrainerCSANet"))


def test_nnunet_takes_a_resampled_structure_for_background(raw):
    """The reason for this check."""
    path = label(raw, lambda labels: labels * np.float32(0.9999))
    segmentation, _ = find_reader(DATASET.dataset_json, path)().read_seg(str(path))
    assert set(np.unique(segmentation.astype(np.int8))) == {0, 1}  # as nnU-Net's preprocessor does


def test_a_truncated_label_is_wrong(raw):
    path = raw / "labelsTr" / "case_3.nii.gz"
    path.write_bytes(path.read_bytes()[:-40])
    (check,) = check_label_values(raw, 804)
    assert not check.ok and f"{path} cannot be read: the file is" in check.text


def test_a_missing_data_set_is_left_to_other_checks(tmp_path):
    assert check_label_values(tmp_path, 804) == []

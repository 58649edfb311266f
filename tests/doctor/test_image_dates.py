"""`doctor` notes images that are newer than the data made from them."""

import os
import shutil

import pytest

from nnunet_slice_attention.doctor.case_check import check_cases
from tests.tiny_data import TinyDataset, write_raw

DATASET = TinyDataset(817, "NewerImages", channels=2)


@pytest.fixture
def folders(tmp_path):
    """Raw and preprocessed data set."""
    write_raw(tmp_path, DATASET)
    raw, preprocessed = tmp_path / DATASET.folder, tmp_path / "preprocessed"
    (preprocessed / "nnUNetPlans_2d").mkdir(parents=True)
    shutil.copy(raw / "dataset.json", preprocessed)
    shutil.copytree(raw / "labelsTr", preprocessed / "gt_segmentations")
    for case in (f"case_{i}" for i in range(6)):
        for file in (f"{case}.b2nd", f"{case}_seg.b2nd", f"{case}.pkl"):
            (preprocessed / "nnUNetPlans_2d" / file).touch()
    return raw, preprocessed


def test_images_newer_than_their_data_are_a_note_with_the_next_step(folders):
    raw, preprocessed = folders
    for image in ("case_1_0001.nii.gz", "case_4_0000.nii.gz"):
        written = (preprocessed / "nnUNetPlans_2d" / "case_1.pkl").stat().st_mtime + 60
        os.utime(raw / "imagesTr" / image, (written, written))
    labels, images = check_cases(raw, preprocessed, preprocessed / "nnUNetPlans_2d", 817)
    assert labels.verdict == "ok"
    assert (images.name, images.verdict) == ("images", "note")
    assert images.text.startswith("2 images are newer than the data") and images.text.endswith(
        ": case_1, case_4"
    )
    assert "nnUNetv2_plan_and_preprocess -d 817 --clean" in images.next_step
    assert "not only copied" in images.next_step


def test_older_images_are_not_mentioned(folders):
    raw, preprocessed = folders
    assert [check.name for check in check_cases(raw, preprocessed, preprocessed / "nnUNetPlans_2d", 817)] == [
        "labels"
    ]

"""Labels changed after preprocessing are found by their content, not by dates or bytes."""

import gzip
import shutil

import numpy as np
import pytest
import SimpleITK

from nnunet_slice_attention.plans.preprocessed_cases import changed_labels, preprocessed_cases
from tests import tiny_tiff
from tests.tiny_data import TinyDataset, shear, write_raw

DATASET = TinyDataset(813, "Changed")


@pytest.fixture
def raw(tmp_path):
    write_raw(tmp_path, DATASET)
    return tmp_path / DATASET.folder


@pytest.fixture
def copies(raw, tmp_path):
    """As preprocessing leaves them, with their dates."""
    return shutil.copytree(raw / "labelsTr", tmp_path / "gt_segmentations")


def changed(raw, copies):
    return changed_labels(raw, copies, DATASET.dataset_json)


def test_unchanged_labels(raw, copies):
    assert changed(raw, copies) == []


def test_a_recompressed_label_has_not_changed(raw, copies):
    label = raw / "labelsTr" / "case_0.nii.gz"
    before = label.read_bytes()
    label.write_bytes(gzip.compress(gzip.decompress(before), 1))
    assert label.read_bytes() != before
    assert changed(raw, copies) == []


def test_a_recompressed_label_that_another_reader_reads_has_not_changed(raw, copies):
    shear(raw / "labelsTr" / "case_1.nii.gz")
    shutil.copy(raw / "labelsTr" / "case_1.nii.gz", copies)
    for case in ("case_0", "case_1"):
        label = raw / "labelsTr" / f"{case}.nii.gz"
        label.write_bytes(gzip.compress(gzip.decompress(label.read_bytes()), 1))
    assert changed(raw, copies) == []


def test_changed_voxels_and_spacing_are_found_whatever_the_dates_of_the_files(raw, copies):
    for case in ("case_1", "case_4"):
        path = str(raw / "labelsTr" / f"{case}.nii.gz")
        image = SimpleITK.ReadImage(path)
        if case == "case_1":
            image[3, 3, 3] = 2
        else:
            image.SetSpacing((1.0, 1.0, 5.0))
        SimpleITK.WriteImage(image, path)
        shutil.copystat(copies / f"{case}.nii.gz", path)
    assert changed(raw, copies) == ["case_1", "case_4"]
    assert changed_labels(raw, copies, DATASET.dataset_json, ["case_0", "case_4", "other"]) == ["case_4"]


@pytest.mark.parametrize("named", [False, True], ids=["folders", "dataset.json"])
def test_changed_labels_are_found_without_their_images(named, raw, copies):
    files = {"case_1": {"images": ["imagesTr/case_1_0000.nii.gz"], "label": "labelsTr/case_1.nii.gz"}}
    shutil.rmtree(raw / "imagesTr")
    shutil.copy(raw / "labelsTr" / "case_0.nii.gz", raw / "labelsTr" / "case_1.nii.gz")
    description = DATASET.dataset_json | ({"dataset": files} if named else {})
    assert changed_labels(raw, copies, description) == ["case_1"]


@pytest.mark.parametrize("damaged", ["labelsTr", "gt_segmentations"])
@pytest.mark.parametrize("length", [100, 0])
def test_a_damaged_label_has_changed(damaged, length, raw, copies):
    label = (copies if damaged == copies.name else raw / damaged) / "case_2.nii.gz"
    label.write_bytes(label.read_bytes()[:length])
    assert changed(raw, copies) == ["case_2"]


def test_cases_without_a_copy_and_data_sets_without_raw_files_do_not_count(raw, copies):
    (copies / "case_3.nii.gz").unlink()
    assert changed(raw, copies) == []
    shutil.rmtree(raw)
    assert changed(raw, copies) == []


def test_tiff_copies_without_their_spacing_file_have_not_changed(tmp_path, capsys):
    raw = tiny_tiff.write_raw_tiff(tmp_path)
    copies = tmp_path / "gt_segmentations"
    for case in tiny_tiff.CASES:
        tiny_tiff.write_segmentation(copies, case, tiny_tiff.labels_of(case), spacing=None)
    assert changed_labels(raw, copies, tiny_tiff.DESCRIPTION) == []
    labels = tiny_tiff.labels_of("case_1")
    labels[0, 0, 0] = 1
    tiny_tiff.write_segmentation(copies, "case_1", labels, spacing=None)
    assert changed_labels(raw, copies, tiny_tiff.DESCRIPTION) == ["case_1"]
    assert capsys.readouterr().out == ""


def test_preprocessed_cases_are_those_that_nnunet_finds(tmp_path):
    assert preprocessed_cases(tmp_path) == set()
    for name in ("a.b2nd", "a_seg.b2nd", "a.pkl", "b.b2nd", "b_seg.b2nd", "b.pkl"):
        (tmp_path / name).write_bytes(b"")
    assert preprocessed_cases(tmp_path) == {"a", "b"}
    np.save(tmp_path / "other.npy", 0)  # nnU-Net ignores these
    assert preprocessed_cases(tmp_path) == {"a", "b"}
    (tmp_path / ".DS_Store").write_bytes(b"")
    with pytest.raises(ValueError, match=f"{tmp_path} has other files than nnU-Net's.*preprocess again"):
        preprocessed_cases(tmp_path)

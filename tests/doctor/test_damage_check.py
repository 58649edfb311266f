"""`doctor` names truncated images, which nnU-Net would train on."""

import gzip

import pytest

from nnunet_slice_attention.doctor.damage_check import check_damage
from nnunet_slice_attention.doctor.dataset_checks import check_dataset
from nnunet_slice_attention.trainers import resolve_trainer
from tests.tiny_data import TinyDataset, read, write_raw

DATASET = TinyDataset(805, "Damage", channels=2)


@pytest.fixture
def raw(tmp_path):
    write_raw(tmp_path, DATASET)
    return tmp_path / DATASET.folder


def test_whole_images_are_ok(raw):
    (check,) = check_damage(raw, 805)
    assert check.verdict == "ok" and check.text == "none of the 12 files is cut off"


def test_a_truncated_second_channel_is_named(raw, tmp_path, monkeypatch):
    path = raw / "imagesTr" / "case_2_0001.nii.gz"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert not read(path)[-1].any()  # ITK's, and so nnU-Net's
    (check,) = check_damage(raw, 805)
    assert (
        not check.ok
        and f"1 of 12 are damaged, and may be read as zeros: {path}: the file is cut off" in check.text
    )
    for variable in ("nnUNet_raw", "nnUNet_preprocessed"):
        monkeypatch.setenv(variable, str(tmp_path))
    assert check in check_dataset(805, "nnUNetPlans", resolve_trainer("nnUNetTrainerCSANet"))


@pytest.mark.parametrize("write", [bytes, gzip.compress], ids=["plain", "compressed"])
def test_an_image_cut_off_in_its_header_is_named(write, raw):
    path = raw / "imagesTr" / "case_2_0001.nii.gz"
    path.write_bytes(write(gzip.decompress(path.read_bytes())[:100]))
    (check,) = check_damage(raw, 805)
    assert f"{path}: the file is cut off: 100 bytes of 348" in check.text


def test_a_missing_data_set_is_left_to_other_checks(tmp_path):
    assert check_damage(tmp_path, 805) == []

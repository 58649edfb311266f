"""`doctor` names cases that lack a channel, an image or a label, and channels of another image."""

import shutil

import pytest
import SimpleITK
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

from nnunet_slice_attention.doctor.header_check import check_headers
from tests.tiny_data import TinyDataset, write_raw

DATASET = TinyDataset(803, "Files", channels=2)


@pytest.fixture
def raw(tmp_path):
    write_raw(tmp_path, DATASET)
    return tmp_path / DATASET.folder


@pytest.mark.parametrize(
    ("removed", "verdict", "text"),
    [
        ("imagesTr/case_2_0001.nii.gz", "WRONG", "case_2 has the channels 0000 instead of 0000, 0001"),
        ("imagesTr/case_2_0000.nii.gz", "WRONG", "case_2 has the channels 0001 instead of 0000, 0001"),
        ("imagesTr/case_2_*.nii.gz", "note", "case_2 has a label, but no image"),  # nnU-Net leaves it out
        ("labelsTr/case_2.nii.gz", "WRONG", "case_2 has no label"),
    ],
)
def test_a_missing_file_is_named(removed, verdict, text, raw):
    for path in list(raw.glob(removed)):
        path.unlink()
    check, headers = check_headers(raw, 803)
    assert check.verdict == verdict and check.text == text and headers.ok


def test_files_of_which_no_two_belong_together_are_named(raw):
    for image in (raw / "imagesTr").glob("*.nii.gz"):
        image.rename(image.with_name(image.name.replace("_000", "_t")))
    (check,) = check_headers(raw, 803)
    assert not check.ok and "case_0_t0.nii.gz has no channel number" in check.text


def test_without_labels_or_images(raw):
    shutil.rmtree(raw / "labelsTr")
    (check,) = check_headers(raw, 803)
    assert not check.ok and check.text.startswith("case_0 has no label; case_1 has no label")
    shutil.rmtree(raw / "imagesTr")
    assert check_headers(raw, 803) == []  # archived after preprocessing


def test_a_channel_too_many_is_named(raw):
    images = raw / "imagesTr"
    shutil.copy(images / "case_1_0001.nii.gz", images / "case_1_0002.nii.gz")
    check, _ = check_headers(raw, 803)
    assert check.text == "case_1 has the channels 0000, 0001, 0002 instead of 0000, 0001"


def test_an_image_without_a_channel_number_is_named(raw):
    path = raw / "imagesTr" / "case_1_0001.nii.gz"
    path.rename(path.with_name("case_1_t2.nii.gz"))
    check, _ = check_headers(raw, 803)
    assert "case_1_t2.nii.gz has no channel number" in check.text and "Rename it" in check.next_step


def test_channels_in_one_4d_file_are_named(raw):
    """nnU-Net trains on them, but its validation fails: it cannot write their segmentations."""
    for first in sorted((raw / "imagesTr").glob("*_0000.nii.gz")):
        second = first.with_name(first.name.replace("_0000", "_0001"))
        both = SimpleITK.JoinSeries([SimpleITK.ReadImage(str(path)) for path in (first, second)])
        SimpleITK.WriteImage(both, str(first))
        second.unlink()
    dimensions, headers = check_headers(raw, 803)
    assert not dimensions.ok and "6 images have four dimensions" in dimensions.text and headers.ok
    image, properties = SimpleITKIO().read_images([str(first)])
    with pytest.raises(AssertionError):
        SimpleITKIO().write_seg(image[0], str(raw / "x.nii.gz"), properties)


def test_the_second_channel_of_another_image_is_named(raw):
    path = raw / "imagesTr" / "case_4_0001.nii.gz"
    image = SimpleITK.ReadImage(str(path))
    image.SetOrigin((0.0, 0.0, 30.0))
    SimpleITK.WriteImage(image, str(path))
    (check,) = check_headers(raw, 803)
    assert not check.ok and "case_4_0001.nii.gz" in check.text and "origin" in check.text


def test_hidden_files_are_not_images(raw):
    (raw / "imagesTr" / "._case_1_0000.nii.gz").touch()  # by macOS
    (check,) = check_headers(raw, 803)
    assert check.ok

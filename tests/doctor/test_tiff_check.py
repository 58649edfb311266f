"""`doctor` reports images in 3D TIFF whose spacing nnU-Net would assume to be 1 mm."""

import pytest

from nnunet_slice_attention.doctor.header_check import check_headers
from tests.tiny_tiff import CASES, write_raw_tiff, write_spacing


@pytest.fixture
def raw(tmp_path):
    return write_raw_tiff(tmp_path)


def test_spacing_files_of_all_images_are_ok_with_and_without_those_of_labels(raw, capfd):
    for _ in range(2):
        (check,) = check_headers(raw, 711)
        assert check.verdict == "ok" and check.text.startswith("all 4 images have a spacing file")
        for case in CASES:
            (raw / "labelsTr" / f"{case}.json").unlink(missing_ok=True)
    assert "".join(capfd.readouterr()) == ""


def test_an_image_without_spacing_is_wrong_even_if_its_label_has_one(raw, capfd):
    (raw / "imagesTr" / "case_0.json").unlink()
    (check,) = check_headers(raw, "Dataset711_Name")
    assert (
        not check.ok
        and f"1 of 4 cases have no valid spacing: {raw}/imagesTr/case_0.json does not exist" in check.text
    )
    assert check.next_step.startswith('Write {"spacing": [z, y, x]}, in mm, to these files')
    assert "nnUNetv2_plan_and_preprocess -d 711 --clean" in check.next_step
    assert "".join(capfd.readouterr()) == ""


def test_damaged_files_and_labels_of_another_spacing_are_wrong(raw):
    (raw / "imagesTr" / "case_1.json").write_text("{}")
    write_spacing(raw / "labelsTr", "case_2", (1.0, 1.0, 1.0))
    write_spacing(raw / "labelsTr", "case_3", (6.01, 1.0, 1.0))  # rounded
    (check,) = check_headers(raw, 711)
    assert not check.ok and check.text.startswith("2 of 4 cases have no valid spacing: ")
    assert f"{raw}/imagesTr/case_1.json is damaged: it lacks spacing" in check.text
    assert f"{raw}/labelsTr/case_2.json has (1.0, 1.0, 1.0), that of its image (6.0, 1.0, 1.0)" in check.text

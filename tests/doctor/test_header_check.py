"""`doctor` reports labels whose headers do not match their images, without reading voxels."""

import gzip
import json

import nibabel
import numpy as np
import pytest
import SimpleITK
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

from nnunet_slice_attention import shim
from nnunet_slice_attention.cli import main
from nnunet_slice_attention.doctor.damage_check import check_damage
from nnunet_slice_attention.doctor.header_check import check_headers
from nnunet_slice_attention.doctor.label_check import check_label_values
from nnunet_slice_attention.image_geometry import HEADERS
from tests.tiny_data import TinyDataset, write_png, write_raw

DATASET = TinyDataset(801, "Headers")


@pytest.fixture
def raw(tmp_path, monkeypatch):
    write_raw(tmp_path, DATASET)
    for variable in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setenv("nnUNet_extTrainer", shim.__path__[0])
    return tmp_path / DATASET.folder


def label(raw, case, **header):
    path = raw / "labelsTr" / f"{case}.nii.gz"
    image = SimpleITK.ReadImage(str(path))
    for name, value in header.items():
        getattr(image, f"Set{name}")(value)
    SimpleITK.WriteImage(image, str(path))


def test_aligned_labels_are_ok(raw):
    (check,) = check_headers(raw, 801)
    assert check.verdict == "ok" and check.text == "labels and images are aligned in all 6 cases"


def test_a_case_whose_segmentation_would_overwrite_anothers_is_named(raw):
    for folder, channel in (("imagesTr", "_0000"), ("labelsTr", "")):
        path = raw / folder / f"case_2{channel}.nii.gz"
        path.rename(path.with_name(path.name.replace("case_2", "case_1.nii")))
    (check,) = check_headers(raw, 801)
    assert (
        not check.ok and check.text.endswith("like NIfTI files: case_1.nii") and "Rename" in check.next_step
    )


def test_slightly_displaced_labels_are_a_note_with_the_maximum(raw, capsys):
    label(raw, "case_2", Origin=(0.0, 0.0, 0.002))
    label(raw, "case_4", Origin=(0.5, 0.0, 0.0))
    (check,) = check_headers(raw, 801)
    assert check.verdict == "note"
    assert "in 2 of 6 cases" in check.text and "up to 0.5 mm (case_4): case_2, case_4" in check.text
    main(["doctor", "-d", "801"])  # fails because the data set is not planned
    assert check.text in capsys.readouterr().out


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ({"Spacing": (1.0, 1.0, 5.0)}, r"spacing"),
        ({"Origin": (0.0, 0.0, 6.5)}, r"origin"),
        ({"Direction": (1, 0, 0, 0, -1, 0, 0, 0, 1)}, r"direction"),
    ],
)
def test_labels_of_another_image_are_wrong(raw, header, name, capsys):
    label(raw, "case_3", **header)
    (check,) = check_headers(raw, 801)
    assert not check.ok and "1 of 6 labels do not match their image" in check.text
    assert f"case_3.nii.gz has {name} (" in check.text and "the limit is" in check.text
    assert main(["doctor", "-d", "801"]) == 1


def test_other_shapes_and_files_that_cannot_be_read_are_wrong(raw):
    SimpleITK.WriteImage(
        SimpleITK.Image(40, 36, 3, SimpleITK.sitkUInt8), str(raw / "labelsTr" / "case_0.nii.gz")
    )
    (raw / "labelsTr" / "case_1.nii.gz").write_bytes(b"")
    (check,) = check_headers(raw, 801)
    assert "2 of 6" in check.text and "has shape (3, 36, 40)" in check.text and "cannot be read" in check.text


SHEARED = np.array([[1, 0.3, 0, 0], [0, 1, 0, 0], [0, 0, 6, 0], [0, 0, 0, 1.0]])  # which ITK refuses


def only_for_nibabel(raw, label_affine):
    for file, affine in {"imagesTr/a_0000.nii.gz": SHEARED, "labelsTr/a.nii.gz": label_affine}.items():
        (raw / file).parent.mkdir()
        nibabel.save(nibabel.Nifti1Image(np.zeros((4, 4, 3), np.uint8), affine), raw / file)
    (raw / "dataset.json").write_text(json.dumps(DATASET.dataset_json))
    return raw


def test_headers_that_only_nibabel_can_read(tmp_path):
    shifted = SHEARED.copy()
    shifted[0, 3] = 0.25
    (check,) = check_headers(only_for_nibabel(tmp_path, shifted), 801)
    assert check.verdict == "note" and "0.25 mm" in check.text


@pytest.mark.parametrize("name", ["imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz"])
def test_the_file_whose_header_has_no_directions_is_named(name, tmp_path):
    file = only_for_nibabel(tmp_path, SHEARED) / name
    header = gzip.decompress(file.read_bytes())
    file.write_bytes(gzip.compress(header[:280] + bytes(48) + header[328:]))  # the affine
    (check,) = check_headers(tmp_path, 801)
    assert not check.ok and f"1 of 1 labels do not match their image: {file} cannot be read" in check.text


def test_files_listed_in_dataset_json_are_found(raw):
    (raw / "labelsTr").rename(raw / "elsewhere")
    files = {"one": {"images": ["imagesTr/case_0_0000.nii.gz"], "label": "elsewhere/case_0.nii.gz"}}
    (raw / "dataset.json").write_text(json.dumps(DATASET.dataset_json | {"dataset": files}))
    (check,) = check_headers(raw, 801)
    assert check.text.endswith("all 1 cases")


def test_formats_without_a_header_and_missing_data_sets_are_not_checked(tmp_path, raw):
    assert check_headers(tmp_path / "nothing", 801) == []
    write_png(tmp_path, png := TinyDataset(802, "Png"))
    assert check_headers(tmp_path / png.folder, 802) == []


def test_labels_of_nnunet_v1_are_named_once(raw):
    v1 = {"labels": {"0": "background", "1": "disc", "2": "core"}, "modality": {"0": "MR0"}}
    (raw / "dataset.json").write_text(json.dumps({"file_ending": ".nii.gz"} | v1))
    (check,) = [*check_headers(raw, 801), *check_damage(raw, 801), *check_label_values(raw, 801)]
    assert not check.ok and 'Write {"background": 0, "disc": 1, "core": 2}' in check.text


def test_an_ending_that_no_image_has_is_named(raw):
    (raw / "dataset.json").write_text(json.dumps(DATASET.dataset_json | {"file_ending": ".nii"}))
    (check,) = check_headers(raw, 801)
    assert not check.ok and "has no .nii files" in check.text and "case_0_0000.nii.gz" in check.text


def test_missing_names_of_channels_are_named(raw):
    names = {key: value for key, value in DATASET.dataset_json.items() if key != "channel_names"}
    (raw / "dataset.json").write_text(json.dumps(names))
    assert [check.text for check in check_headers(raw, 801) if not check.ok] == [
        f"{raw / 'dataset.json'} has no channel_names"
    ]


def test_voxels_are_not_read(raw):
    """Except those of one image, with which nnU-Net determines the reader."""
    for path in sorted(raw.glob("*Tr/case_*.nii.gz")):
        if path.name != "case_0_0000.nii.gz":
            path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:352]))
    (check,) = check_headers(raw, 801)
    assert check.text.endswith("in all 6 cases")


def test_each_header_is_read_once(tmp_path, monkeypatch):
    write_raw(tmp_path, two := TinyDataset(802, "TwoChannels", channels=2))
    opened, read = [], HEADERS[SimpleITKIO]
    monkeypatch.setitem(HEADERS, SimpleITKIO, lambda path: opened.append(path) or read(path))
    check_headers(tmp_path / two.folder, 802)
    assert sorted(opened) == sorted((tmp_path / two.folder).glob("*Tr/*.nii.gz"))

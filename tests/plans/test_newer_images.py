"""Images are compared with the data made from them by their dates, all channels of them."""

import json
import os

import pytest

from nnunet_slice_attention.dataset_files import training_images
from nnunet_slice_attention.plans.preprocessed_cases import newer_than_data
from tests.tiny_data import TinyDataset, write_raw
from tests.tiny_tiff import DESCRIPTION, write_raw_tiff

DATASET = TinyDataset(816, "Newer", channels=2)
OLD, BETWEEN, NEW = 1000, 2000, 3000


def date(path, seconds):
    os.utime(path, (seconds, seconds))


@pytest.fixture
def folders(tmp_path):
    """Data of two configurations, of all cases but the last."""
    folders = [tmp_path / name for name in ("nnUNetPlans_2d", "nnUNetPlans_3d_fullres")]
    for folder, written in zip(folders, (BETWEEN, NEW), strict=True):
        folder.mkdir()
        for i in range(5):
            (folder / f"case_{i}.pkl").touch()
            date(folder / f"case_{i}.pkl", written)
    return folders


@pytest.fixture
def raw(tmp_path):
    write_raw(tmp_path, DATASET)
    for path in (tmp_path / DATASET.folder).rglob("*.nii.gz"):
        date(path, OLD)
    return tmp_path / DATASET.folder


def test_a_newer_channel_is_found_and_compared_with_the_oldest_data(raw, folders):
    images = training_images(raw, DATASET.dataset_json)
    assert newer_than_data(images, folders) == []
    date(raw / "imagesTr" / "case_3_0001.nii.gz", BETWEEN + 1)
    date(raw / "imagesTr" / "case_5_0000.nii.gz", NEW + 1)  # not preprocessed
    assert newer_than_data(images, folders) == ["case_3"]
    assert newer_than_data(images, folders[1:]) == []


def test_a_dead_link_is_no_newer_image(raw, folders):
    channel = raw / "imagesTr" / "case_2_0001.nii.gz"
    channel.unlink()
    channel.symlink_to(raw / "elsewhere.nii.gz")
    assert newer_than_data({"case_2": [channel]}, folders) == []


def test_images_that_dataset_json_names_are_found(raw):
    images = training_images(raw, DATASET.dataset_json)
    assert [path.name for path in images["case_0"]] == ["case_0_0000.nii.gz", "case_0_0001.nii.gz"]
    named = {
        case: {"images": [f"imagesTr/{path.name}" for path in paths], "label": f"labelsTr/{case}.nii.gz"}
        for case, paths in images.items()
    }
    found = training_images(raw, json.loads(json.dumps(DATASET.dataset_json | {"dataset": named})))
    assert {case: [path.name for path in paths] for case, paths in found.items()} == {
        case: [path.name for path in paths] for case, paths in images.items()
    }


def test_the_spacing_of_a_tiff_image_belongs_to_it(tmp_path):
    raw = write_raw_tiff(tmp_path)
    (raw / "imagesTr" / "case_1.json").unlink()
    names = {case: [p.name for p in paths] for case, paths in training_images(raw, DESCRIPTION).items()}
    assert names["case_0"] == ["case_0_0000.tif", "case_0.json"] and names["case_1"] == ["case_1_0000.tif"]

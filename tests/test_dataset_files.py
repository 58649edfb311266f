"""Descriptions of data sets that nnU-Net v2 cannot use are refused with what to write instead."""

import json

import pytest
from nnunetv2.utilities.label_handling.label_handling import LabelManager

from nnunet_slice_attention.dataset_files import dataset_id, read_description

LABELS = {"background": 0, "organ": [1, 2], "lesion": 2}


def description(folder, **changes):
    path = folder / "dataset.json"
    path.write_text(json.dumps({"labels": LABELS, "file_ending": ".nii.gz"} | changes))
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"labels": {"0": "background", "1": "tumor"}},
            "has labels {'0': 'background', '1': 'tumor'}, as nnU-Net v1 wrote them. nnU-Net v2 needs names "
            'first. Write {"background": 0, "tumor": 1}.',
        ),
        ({"labels": {"background": 0, "tumor": "one"}}, "has label tumor = 'one', a text. Write an integer"),
        ({"labels": LABELS | {"lesion": "2"}}, "has label lesion = '2', a text. Write an integer"),
        ({"labels": {"background": 0, "ignore": "1"}}, "has label ignore = '1', a text. Write an integer"),
        ({"labels": ["background", "tumor"]}, 'Write {"background": 0, NAME: 1, ...}.'),
        (
            {"file_ending": "nii.gz"},
            "has file_ending 'nii.gz', which nnU-Net finds no files by. Write it with its",
        ),
    ],
    ids=["v1", "text", "beside a region", "ignore label", "list", "no dot"],
)
def test_what_is_wrong_is_named_with_what_to_write(changes, message, tmp_path):
    path = description(tmp_path, **changes)
    with pytest.raises(ValueError) as found:
        read_description(path)
    assert str(found.value).startswith(f"{path} ") and message in str(found.value)


def test_regions_and_names_that_are_numbers_are_fine(tmp_path):
    labels = LABELS | {"3": 3}
    assert read_description(description(tmp_path, labels=labels))["labels"] == labels


def test_labels_in_quotes_are_integers_as_for_nnunet(tmp_path):
    labels = {"background": "0", "1": "1", "2": "3"}
    found = read_description(description(tmp_path, labels=labels))["labels"]
    assert found == {"background": 0, "1": 1, "2": 3}
    assert LabelManager(labels, None).all_labels == list(found.values())


@pytest.mark.parametrize("name", ["Dataset27_Hippo", "DatasetHippo", "27_", "heart"])
def test_a_mistyped_data_set_is_named_with_what_to_give(name):
    with pytest.raises(ValueError, match=f"^{name} is no data set of nnU-Net. Give its id, .* three digits"):
        dataset_id(name)


@pytest.mark.parametrize("name", [27, "27", "027", "Dataset027_ACDC"])
def test_a_data_set_is_given_by_id_or_name(name):
    assert dataset_id(name) == 27

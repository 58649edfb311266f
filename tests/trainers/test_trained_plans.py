"""A fold trained with other plans or labels than the present ones is refused, whatever is left to do."""

import copy
import json

import pytest
import torch

from nnunet_slice_attention.trainers.trained_plans import check_trained_plans

DATASET = {"channel_names": {"0": "MR"}, "labels": {"background": 0, "disc": 1}, "file_ending": ".nii.gz"}


@pytest.fixture
def plans(nnunet_folders, tiny):
    return json.loads((nnunet_folders / "preprocessed" / tiny.folder / "nnUNetPlans.json").read_text())


@pytest.fixture
def checkpoint(tmp_path, plans):
    made_with = {"plans": plans, "configuration": "2d", "dataset_json": DATASET}
    path = tmp_path / "fold_0" / "checkpoint_final.pth"
    path.parent.mkdir()
    torch.save({"init_args": made_with, "trainer_name": "T", "current_epoch": 2, "network_weights": {}}, path)
    return path


def test_the_same_plans_are_accepted_and_so_is_a_checkpoint_that_cannot_be_read(checkpoint, plans):
    check_trained_plans(checkpoint, plans, DATASET, "2d")
    # As saved by a trainer on slabs, whose depth may change from version to version.
    deep = copy.deepcopy(plans)
    deep["configurations"]["2d"]["patch_size"].insert(0, 9)
    check_trained_plans(checkpoint, deep, DATASET, "2d")
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    check_trained_plans(checkpoint, {}, {}, "2d")


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("patch_size", [32, 32]),
        ("batch_size", 3),
        ("spacing", [2.0, 2.0]),
        ("normalization_schemes", ["CTNormalization"]),
    ],
)
def test_other_plans_are_refused_with_both_values(entry, value, checkpoint, plans):
    changed = copy.deepcopy(plans)
    changed["configurations"]["2d"][entry] = value
    with pytest.raises(
        ValueError, match=rf"fold_0 was trained with {entry} .*, but in the present plans it is .*Restore"
    ):
        check_trained_plans(checkpoint, changed, DATASET, "2d")


def test_other_labels_are_refused(checkpoint, plans):
    swapped = DATASET | {"labels": {"background": 0, "disc": 2}}
    with pytest.raises(ValueError, match=r"labels.disc 1, but in the present dataset.json it is 2"):
        check_trained_plans(checkpoint, plans, swapped, "2d")

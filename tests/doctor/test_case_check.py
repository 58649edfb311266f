"""`doctor` says when training would use other cases or labels than the user has."""

import json
import os
import shutil

import pytest

from nnunet_slice_attention.doctor.case_check import check_cases
from tests.tiny_data import TinyDataset, write_raw

DATASET = TinyDataset(814, "Cases")
CASES = [f"case_{i}" for i in range(6)]


@pytest.fixture
def raw(tmp_path):
    write_raw(tmp_path, DATASET)
    return tmp_path / DATASET.folder


@pytest.fixture
def preprocessed(raw, tmp_path):
    """Of all cases, in a split of two folds."""
    folder = tmp_path / "preprocessed"
    folder.mkdir()
    shutil.copy(raw / "dataset.json", folder)
    shutil.copytree(raw / "labelsTr", folder / "gt_segmentations")
    (folder / "nnUNetPlans_2d").mkdir()
    for case in CASES:
        for file in (f"{case}.b2nd", f"{case}_seg.b2nd", f"{case}.pkl"):
            (folder / "nnUNetPlans_2d" / file).write_bytes(b"")
    write_split(folder, CASES)
    return folder


def write_split(folder, cases):
    folds = [{"train": cases[:3], "val": cases[3:]}, {"train": cases[3:], "val": cases[:3]}]
    (folder / "splits_final.json").write_text(json.dumps(folds))


def checks(raw, preprocessed):
    return check_cases(raw, preprocessed, preprocessed / "nnUNetPlans_2d", DATASET.folder)


def test_present_labels_and_a_complete_split_are_ok(raw, preprocessed):
    (check,) = checks(raw, preprocessed)
    assert check.verdict == "ok" and check.name == "labels"
    (preprocessed / "splits_final.json").unlink()  # nnU-Net writes one
    assert [check.verdict for check in checks(raw, preprocessed)] == ["ok"]
    assert check_cases(None, preprocessed, preprocessed / "nnUNetPlans_2d", 814) == []


def test_labels_changed_after_preprocessing_are_wrong(raw, preprocessed):
    shutil.copy(raw / "labelsTr" / "case_0.nii.gz", raw / "labelsTr" / "case_2.nii.gz")
    (check,) = checks(raw, preprocessed)
    assert not check.ok and check.text.startswith("1 labels were changed after") and "case_2" in check.text
    assert f"Remove {preprocessed / 'gt_segmentations'}" in check.next_step
    assert "nnUNetv2_plan_and_preprocess -d 814 --clean" in check.next_step
    shutil.rmtree(raw / "imagesTr")  # to save space
    assert checks(raw, preprocessed) == [check]


def test_labels_newer_than_data_of_some_configuration_are_a_note(raw, preprocessed):
    # nnU-Net copies labels when it preprocesses any configuration.
    other = preprocessed / "nnUNetPlans_3d_fullres"
    other.mkdir()
    (other / "case_1.pkl").touch()
    os.utime(other / "case_1.pkl", (1, 1))
    check, _ = checks(raw, preprocessed)
    assert check.verdict == "note" and check.text.startswith(
        "1 labels are newer than the data of a configuration"
    )
    assert check.text.endswith(": case_1") and "not only copied" in check.next_step


@pytest.mark.parametrize(
    ("entry", "value", "message"),
    [
        ("labels", {"background": 0, "disc": 2, "core": 1}, "labels.disc is 2 in "),
        ("channel_names", {"0": "CT"}, "normalisation of channels is ['CTNormalization'] in "),
        ("channel_names", {"0": "MR0", "1": "MR1"}, "number of channels is 2 in "),
        ("file_ending", ".mha", "file_ending is .mha in "),
    ],
)
def test_a_changed_description_is_wrong(entry, value, message, raw, preprocessed):
    (raw / "dataset.json").write_text(json.dumps(DATASET.dataset_json | {entry: value}))
    (check,) = checks(raw, preprocessed)
    assert not check.ok and message in check.text and "train again" in check.next_step


@pytest.mark.parametrize(
    "entries",
    [{"labels": {"background": 0, "Disc": 1, "Core": 2}}, {"channel_names": {"0": "T2"}}, {"name": "Heart"}],
)
def test_names_may_change(entries, raw, preprocessed):
    (raw / "dataset.json").write_text(json.dumps(DATASET.dataset_json | entries))
    assert [check.verdict for check in checks(raw, preprocessed)] == ["ok"]


def test_the_older_name_of_an_entry_may_change(raw, preprocessed):
    older = {**DATASET.dataset_json, "modality": DATASET.dataset_json["channel_names"]}
    del older["channel_names"]
    (raw / "dataset.json").write_text(json.dumps(older))
    assert [check.verdict for check in checks(raw, preprocessed)] == ["ok"]


def test_cases_that_were_removed_from_the_raw_data_are_a_note(raw, preprocessed):
    (raw / "labelsTr" / "case_3.nii.gz").unlink()
    _, check = checks(raw, preprocessed)
    assert check.verdict == "note" and check.text.endswith("training still uses them: case_3")
    shutil.rmtree(raw / "labelsTr")  # a machine that trains may not have the raw data
    assert checks(raw, preprocessed) == []


def test_raw_cases_that_are_not_preprocessed_are_a_note(raw, preprocessed):
    for folder, channel in (("imagesTr", "_0000"), ("labelsTr", "")):
        shutil.copy(raw / folder / f"case_0{channel}.nii.gz", raw / folder / f"new{channel}.nii.gz")
    _, check = checks(raw, preprocessed)
    assert check.verdict == "note" and check.text.endswith("training does not use them: new")


def test_preprocessed_cases_in_no_fold_are_a_note(raw, preprocessed):
    write_split(preprocessed, CASES[:5])
    _, check = checks(raw, preprocessed)
    assert check.verdict == "note" and check.text.startswith("1 preprocessed cases are in no fold of ")
    assert check.text.endswith(": case_5") and "move splits_final.json away" in check.next_step


def test_cases_of_the_split_that_are_not_preprocessed_are_wrong(raw, preprocessed):
    write_split(preprocessed, [*CASES, "gone"])
    _, check = checks(raw, preprocessed)
    assert not check.ok and check.text.endswith("are not preprocessed: gone")


def test_a_damaged_split_is_wrong(raw, preprocessed):
    (preprocessed / "splits_final.json").write_text("[")
    (check,) = checks(raw, preprocessed)
    assert not check.ok and "splits_final.json is damaged" in check.text


@pytest.mark.parametrize("number", [4, 5])
def test_too_few_cases_for_the_split_that_training_writes_are_a_note(number, preprocessed):
    (preprocessed / "splits_final.json").unlink()
    for case in CASES[number:]:
        for file in (preprocessed / "nnUNetPlans_2d").glob(f"{case}*"):
            file.unlink()
    found = [(check.verdict, check.text, check.next_step) for check in checks(None, preprocessed)]
    text = "4 cases; nnU-Net's own split needs 5, so only fold all can be trained"
    note = ("note", text, f"Write one to {preprocessed / 'splits_final.json'}, or train fold all.")
    assert found == [note] * (number == 4)

"""`doctor -d` names the command that makes missing, damaged or unusable plans, or their preprocessed data."""

import json

import pytest

from nnunet_slice_attention.plans.shared_data import MADE_FROM
from tests.doctor.run_doctor import diagnose, write_plans


def test_an_unplanned_data_set_is_wrong(folders, capsys):
    (folders / "nnUNet_raw" / "Dataset027_X").mkdir()
    status, text = diagnose(capsys, "-d", "27")
    assert status == 1 and "-> nnUNetv2_plan_and_preprocess -d 27 -c 2d" in text


def test_existing_plans_are_listed(folders, plans, capsys):
    write_plans(folders, plans)
    status, text = diagnose(capsys, "-d", "Dataset027_X", "-p", "nnUNetCompactPlans")
    assert status == 1 and "existing plans: nnUNetPlans" in text
    assert "-> Give one of those" in text and "plan-compact -d 27 -o nnUNetCompactPlans" in text
    _, text = diagnose(capsys, "-d", "27", "-p", "nnUNetResEncUNetLPlans")
    assert "-> nnUNetv2_plan_and_preprocess -d 27 -c 2d 3d_fullres -pl nnUNetPlannerResEncL\n" in text


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("nnUNetPlans", "nnUNetv2_plan_experiment -d 27\n"),
        ("nnUNetResEncUNetXLPlans", "nnUNetv2_plan_experiment -d 27 -pl nnUNetPlannerResEncXL\n"),
        ("nnUNetMyPlans", "nnunet-slice-attention plan-compact -d 27 -o nnUNetMyPlans if they are compact"),
    ],
)
def test_damaged_plans_are_removed_and_made_again_by_what_made_them(folders, plans, capsys, name, step):
    write_plans(folders, plans)
    path = folders / "nnUNet_preprocessed" / "Dataset027_X" / f"{name}.json"
    path.write_text("{")
    status, text = diagnose(capsys, "-d", "Dataset027_X", "-p", name)
    assert status == 1 and f"-> Remove {path}, then {step}" in text


def test_compact_plans_are_made_again_by_plan_compact(folders, plans, capsys):
    plans |= {"plans_name": "nnUNetMyPlans", MADE_FROM: "nnUNetPlans", "configurations": {}}
    write_plans(folders, plans, name="nnUNetMyPlans")
    _, text = diagnose(capsys, "-d", "27", "-p", "nnUNetMyPlans")
    assert "-> nnunet-slice-attention plan-compact -d 27 -o nnUNetMyPlans\n" in text


@pytest.mark.parametrize("entry", ["plans_name", "dataset_name"])
def test_plans_copied_without_a_change_of_their_names_are_wrong(entry, folders, plans, capsys):
    write_plans(folders, plans)
    path = folders / "nnUNet_preprocessed" / "Dataset027_X" / "nnUNetPlansBig.json"
    path.write_text(json.dumps(plans | {"plans_name": "nnUNetPlansBig", entry: "another"}))
    status, text = diagnose(capsys, "-d", "27", "-p", "nnUNetPlansBig")
    name = {"plans_name": "nnUNetPlansBig", "dataset_name": "Dataset027_X"}[entry]
    assert status == 1
    assert f"{path} has {entry} 'another'" in text and f"Write {name!r} there" in text


def test_a_data_set_that_is_not_preprocessed_is_wrong(folders, plans, capsys):
    write_plans(folders, plans, preprocessed=False)
    status, text = diagnose(capsys, "-d", "Dataset027_X")
    assert status == 1 and "-> nnUNetv2_preprocess -d 27 -plans_name nnUNetPlans -c 2d" in text


def test_plans_without_a_2d_configuration_are_wrong(folders, plans, capsys):
    plans["configurations"] = {"3d_fullres": plans["configurations"]["2d"]}
    write_plans(folders, plans)
    status, text = diagnose(capsys, "-d", "27")
    assert status == 1 and "has no configuration '2d', only 3d_fullres" in text


def test_old_plans_of_an_architecture_that_nnunet_cannot_convert_are_wrong(folders, plans, capsys):
    del plans["configurations"]["2d"]["architecture"]
    plans["configurations"]["2d"]["UNet_class_name"] = "MambaUNet"
    write_plans(folders, plans)
    status, text = diagnose(capsys, "-d", "27")
    assert (
        status == 1
        and "Unknown architecture MambaUNet" in text
        and "-> nnUNetv2_plan_experiment -d 27" in text
    )

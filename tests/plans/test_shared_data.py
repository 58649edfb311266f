"""Plans that share another's preprocessed data are refused once that was planned again."""

import copy
import json
import os

import pytest

from nnunet_slice_attention.plans.compact import write_compact_plans
from nnunet_slice_attention.plans.shared_data import MADE_FROM, check_shared_data


@pytest.fixture
def folder(nnunet_folders, tiny, tmp_path, monkeypatch):
    """Of a planned data set, with compact plans."""
    plans = json.loads((nnunet_folders / "preprocessed" / tiny.folder / "nnUNetPlans.json").read_text())
    folder = tmp_path / tiny.folder
    folder.mkdir()
    (folder / "nnUNetPlans.json").write_text(json.dumps(plans))
    monkeypatch.setattr("nnunet_slice_attention.plans.plans_file.nnUNet_preprocessed", str(tmp_path))
    write_compact_plans(tiny.id)
    return folder


def read(folder, name):
    return json.loads((folder / f"{name}.json").read_text())


def plan_again(folder):
    plans = read(folder, "nnUNetPlans")
    plans["configurations"]["2d"]["spacing"] = [2.0, 2.0]
    (folder / "nnUNetPlans.json").write_text(json.dumps(plans))


def test_plans_that_agree_are_accepted(folder):
    for name in ("nnUNetPlans", "nnUNetCompactPlans"):
        for configuration in ("2d", "3d_fullres"):
            check_shared_data(read(folder, name), configuration, folder)


def test_compact_plans_of_a_data_set_that_was_planned_again_are_refused_whatever_the_dates(folder):
    plan_again(folder)
    os.utime(folder / "nnUNetPlans.json", (1, 1))
    message = r"nnUNetCompactPlans has spacing .*, but nnUNetPlans, .* has \[2\.0, 2\.0\].* by plan-compact"
    with pytest.raises(ValueError, match=message):
        check_shared_data(read(folder, "nnUNetCompactPlans"), "2d", folder)
    check_shared_data(read(folder, "nnUNetPlans"), "2d", folder)


def test_other_plans_are_refused_only_if_those_of_the_data_are_newer(folder):
    plans = read(folder, "nnUNetCompactPlans")
    del plans[MADE_FROM]  # like nnU-Net's plans with a residual encoder, which may have preprocessed the data
    plan_again(folder)
    os.utime(folder / "nnUNetPlans.json", (1, 1))
    check_shared_data(plans, "2d", folder)
    os.utime(folder / "nnUNetCompactPlans.json", (0, 0))
    with pytest.raises(ValueError, match="the data set was planned again"):
        check_shared_data(plans, "2d", folder)


def write_residual(folder, seconds, **values):
    """Plans as nnU-Net's planner for residual encoders writes them: in 2D, for the data of the default plans."""
    plans = read(folder, "nnUNetPlans") | {"plans_name": "nnUNetResEncUNetLPlans"}
    plans["configurations"]["2d"] |= values
    path = folder / "nnUNetResEncUNetLPlans.json"
    path.write_text(json.dumps(plans))
    os.utime(path, (seconds, seconds))


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("nnUNetPlans", "Make nnUNetPlans again by the command it is from"),
        ("nnUNetCompactPlans", "Plan nnUNetPlans again, make nnUNetCompactPlans again by plan-compact"),
    ],
)
def test_plans_are_refused_if_other_newer_ones_have_preprocessed_their_data_otherwise(folder, name, step):
    (folder / "splits_final.json").write_text("[]")
    (folder / "nnUNetBrokenPlans.json").write_text("{")
    for path in folder.iterdir():
        os.utime(path, (5, 5))
    write_residual(folder, 4, spacing=[2.0, 2.0])
    check_shared_data(read(folder, name), "2d", folder)
    with pytest.raises(ValueError, match="nnUNetResEncUNetLPlans has spacing .*, but nnUNetPlans, "):
        check_shared_data(read(folder, "nnUNetResEncUNetLPlans"), "2d", folder)
    write_residual(folder, 6, spacing=[2.0, 2.0])
    check_shared_data(read(folder, "nnUNetResEncUNetLPlans"), "2d", folder)
    with pytest.raises(ValueError, match=rf"but nnUNetResEncUNetLPlans, .* has \[2\.0, 2\.0\].* {step}, and"):
        check_shared_data(read(folder, name), "2d", folder)
    write_residual(folder, 6, spacing=[2.0, 2.0], data_identifier="nnUNetResEncUNetLPlans_2d")
    check_shared_data(read(folder, name), "2d", folder)
    write_residual(folder, 6, patch_size=[64, 64])
    check_shared_data(read(folder, name), "2d", folder)


def test_plans_with_data_of_their_own_are_accepted(folder):
    plan_again(folder)
    plans = read(folder, "nnUNetCompactPlans")
    for configuration in ("2d", "3d_fullres"):  # as nnUNetv2_move_plans_between_datasets does
        plans["configurations"][configuration]["data_identifier"] = f"Moved_nnUNetPlans_{configuration}"
    check_shared_data(plans, "2d", folder)


def test_intensities_matter_for_ct_only(folder):
    for scheme in ("ZScoreNormalization", "CTNormalization"):
        for name in ("nnUNetPlans", "nnUNetCompactPlans"):
            plans = read(folder, name)
            plans["configurations"]["2d"]["normalization_schemes"] = [scheme]
            plans["foreground_intensity_properties_per_channel"]["0"]["mean"] = (
                1.0 if "Compact" in name else 2.0
            )
            (folder / f"{name}.json").write_text(json.dumps(plans))
    with pytest.raises(ValueError, match=r"foreground_intensity_properties_per_channel\.0\.mean 1\.0"):
        check_shared_data(read(folder, "nnUNetCompactPlans"), "2d", folder)
    for name in ("nnUNetPlans", "nnUNetCompactPlans"):
        plans = copy.deepcopy(read(folder, name))
        plans["configurations"]["2d"]["normalization_schemes"] = ["ZScoreNormalization"]
        (folder / f"{name}.json").write_text(json.dumps(plans))
    check_shared_data(read(folder, "nnUNetCompactPlans"), "2d", folder)


def test_plans_compact_twice_name_the_first(folder, tiny):
    write_compact_plans(tiny.id, "nnUNetCompactPlans", "nnUNetTinyPlans")
    assert read(folder, "nnUNetTinyPlans")[MADE_FROM] == "nnUNetPlans"

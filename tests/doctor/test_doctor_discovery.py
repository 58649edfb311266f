"""`doctor` reports where nnU-Net finds a class: in an install, nnUNet_extTrainer, or a manual copy."""

import os
import shutil
import sys
from pathlib import Path

import nnunetv2.training.nnUNetTrainer.variants as variants
import pytest
from nnunetv2.utilities import find_objects

from nnunet_slice_attention import shim
from nnunet_slice_attention.doctor.discovery import TREE, VARIABLE, check_discovery
from nnunet_slice_attention.trainers.find_trainer import find_trainer

CSA = "nnUNetTrainerCSANet"
SHIM = Path(shim.__path__[0])
PACKAGES = {"nnunetv2": "", "nnunetv2.training": "training", TREE: "training/nnUNetTrainer"}


@pytest.fixture
def tree(tmp_path, monkeypatch) -> Path:
    """An empty trainer tree that nnU-Net searches instead of its own, whose modules can still be imported."""
    tree = tmp_path / "nnunetv2" / "training" / "nnUNetTrainer"
    (tree / "variants").mkdir(parents=True)
    (tree / "variants" / "__init__.py").touch()
    for name, folder in (PACKAGES | {variants.__name__: "training/nnUNetTrainer/variants"}).items():
        package = sys.modules[name]
        monkeypatch.setattr(package, "__path__", [str(tmp_path / "nnunetv2" / folder), *package.__path__])
    monkeypatch.delenv(VARIABLE, raising=False)
    yield tree
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def put(folder: Path, name: str, text: str | None = None) -> Path:
    """Write a module: a copy of the one of a normal install, or another text."""
    folder.mkdir(exist_ok=True)
    (folder / "__init__.py").touch()
    (folder / name).write_text(text or (SHIM / "slice_attention_trainers.py").read_text())
    return folder / name


def install(tree: Path) -> None:
    shutil.copytree(SHIM, tree / "variants" / "slice_attention")


def test_a_normal_install(tree):
    install(tree)
    check, trainer = check_discovery(CSA)
    assert check.verdict == "ok" and trainer.__name__ == CSA
    assert check.text == f"nnU-Net finds {CSA} in its own trainer tree (normal install)"


def test_a_class_that_worker_processes_could_not_get_is_wrong(tree, monkeypatch):
    stranger = type(CSA, (), {"__module__": SHIM.parent.name})
    monkeypatch.setattr(find_objects, "recursive_find_trainer_class_by_name", lambda name: stranger)
    check, trainer = check_discovery(CSA)
    assert check.verdict == "WRONG" and trainer is None
    assert check.text.startswith(f"{CSA} cannot be pickled, as nnU-Net's worker processes need: ")


def test_an_editable_install(tree, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(SHIM))
    check, trainer = check_discovery(CSA)
    assert check.verdict == "ok" and trainer is not None
    assert check.text == f"nnU-Net finds {CSA} through nnUNet_extTrainer, in {SHIM}"


def test_with_both_installs_the_first_is_reported(tree, monkeypatch):
    install(tree)
    monkeypatch.setenv(VARIABLE, str(SHIM))
    check, _ = check_discovery(CSA)
    assert check.verdict == "ok"
    assert "(normal install); it would also be found, in this order, through nnUNet_extTrainer" in check.text


@pytest.mark.parametrize("variable", [None, str(SHIM)])
def test_a_copy_elsewhere_in_the_tree_is_a_note(tree, monkeypatch, variable):
    if variable:
        monkeypatch.setenv(VARIABLE, variable)
    copy = put(tree / "my_trainers", "csa.py")
    check, trainer = check_discovery(CSA)
    assert check.verdict == "note" and trainer.__name__ == CSA
    assert f"nnU-Net finds {CSA} in its own trainer tree ({copy})" in check.text
    assert check.next_step.startswith(f"Remove {copy}.")
    assert ("pip install ." in check.next_step) == (variable is None)


@pytest.mark.parametrize(("folder", "first"), [("", True), ("variants/zzz", False)])
def test_copies_are_reported_in_search_order(tree, folder, first):
    install(tree)
    copy = put(tree / folder, "copy.py")
    check, _ = check_discovery(CSA)
    installed, manual = check.text.index("(normal install)"), check.text.index(f"({copy})")
    assert check.verdict == "note" and (manual < installed) == first
    assert check.next_step == f"Remove {copy}."


def test_a_copy_in_another_external_folder_is_a_note(tree, tmp_path, monkeypatch):
    put(tmp_path / "mine", "csa.py")
    monkeypatch.setenv(VARIABLE, os.pathsep.join([str(tmp_path / "gone"), str(tmp_path / "mine")]))
    check, trainer = check_discovery(CSA)
    assert check.verdict == "note" and trainer is not None
    assert f"through nnUNet_extTrainer, in {tmp_path / 'mine'}." in check.text
    assert "trainers-path" in check.next_step


OTHER = f"from {TREE}.nnUNetTrainer import nnUNetTrainer\n\nclass {CSA}(nnUNetTrainer):\n    pass\n"


def test_another_class_of_that_name_is_wrong(tree, tmp_path, monkeypatch):
    install(tree)
    other = put(tree / "network_architecture", "old_csa.py", OTHER)
    check, trainer = check_discovery(CSA)
    assert trainer is None and check.verdict == "WRONG" and str(other) in check.text
    assert check.next_step.startswith("Remove or rename that class")
    other.unlink()
    shutil.rmtree(tree / "variants" / "slice_attention")
    put(tmp_path / "mine", "old_csa.py", OTHER)
    monkeypatch.setenv(VARIABLE, os.pathsep.join([str(tmp_path / "mine"), str(SHIM)]))
    check, trainer = check_discovery(CSA)
    assert trainer is None and str(tmp_path / "mine") in check.text


def test_a_trainer_that_is_based_on_ours_is_right(tree, tmp_path, monkeypatch):
    """As docs/how-to/own-trainer.md has it."""
    install(tree)
    own = f"from nnunet_slice_attention.trainers import {CSA}\n\nclass Own({CSA}):\n    pass\n"
    put(tmp_path / "mine", "own.py", own)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "mine"))
    check, trainer = check_discovery("Own")
    assert check.verdict == "ok" and "on whose trainers it is based" in check.text
    assert trainer is not None and trainer.__name__ == "Own"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("from ..augmentation import x\n", "ModuleNotFoundError"),
        ("def broken(:\n", "SyntaxError"),
        ("raise RuntimeError('no GPU')\n", "RuntimeError: no GPU"),
        ("def __getattr__(name):\n    from nnunet_slice_attention.trainers import gone\n", "gone"),
    ],
)
def test_a_file_that_breaks_the_search_is_named(tree, text, message):
    install(tree)
    file = put(tree, "base.py", text)
    check, trainer = check_discovery(CSA)
    assert trainer is None and check.verdict == "WRONG"
    assert f"failed in {file}: " in check.text and message in check.text
    assert check.next_step.startswith("Fix or remove that file")
    with pytest.raises(ValueError, match=f"search for {CSA} failed.*doctor -tr {CSA}"):
        find_trainer(CSA)


def test_a_class_of_that_name_that_is_not_a_trainer_is_named(tree):
    file = put(tree, "base.py", f"class {CSA}:\n    pass\n")
    check, _ = check_discovery(CSA)
    assert check.verdict == "WRONG" and f"failed in {file}: " in check.text and "must inherit" in check.text

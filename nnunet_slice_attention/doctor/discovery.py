"""Checks whether and where nnU-Net finds our trainers: in an install, in nnUNet_extTrainer, or in a manual copy."""

import os
import pickle
import pkgutil
from collections.abc import Iterator
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path

import nnunetv2
from nnunetv2.utilities import find_objects

import nnunet_slice_attention

from .. import shim
from .check import Check

VARIABLE = "nnUNet_extTrainer"
TREE = "nnunetv2.training.nnUNetTrainer"  # searched first by nnU-Net
INSTALLED = f"{TREE}.variants.slice_attention.slice_attention_trainers"  # of a normal install, see setup.py
MAKE_IT_FOUND = (
    "Use a normal install (pip install .), or, for an editable install, point nnU-Net to the trainers: "
    f'export {VARIABLE}="$(nnunet-slice-attention trainers-path)"'
)


def check_discovery(trainer_name: str) -> tuple[Check, type | None]:
    """Run nnU-Net's own search for the trainer. Also returns the class, None unless it is usable."""
    try:
        with redirect_stdout(StringIO()):  # the search prints every module
            trainer = find_objects.recursive_find_trainer_class_by_name(trainer_name)
    except Exception as error:  # the search imports arbitrary modules
        return _why_not_found(trainer_name, error), None
    if trainer.__module__.split(".")[0] != nnunet_slice_attention.__name__:
        check = _another_class(trainer_name, trainer)
        return check, trainer if check.ok else None
    try:
        pickle.dumps(trainer)
    except (pickle.PicklingError, AttributeError) as error:
        text = f"{trainer_name} cannot be pickled, as nnU-Net's worker processes need: {error}"
        return Check("discovery", False, text, MAKE_IT_FOUND), None
    return _where(trainer_name), trainer


def _where(trainer_name: str) -> Check:
    """Where nnU-Net found a class of ours; a note if manual copies of the module exist."""
    in_tree, outside = list(_in_tree(trainer_name)), _in_variable(trainer_name)
    ours = Path(shim.__path__[0]) in outside or INSTALLED in dict(in_tree)
    places = [
        f"in its own trainer tree ({'normal install' if module == INSTALLED else file})"
        for module, file in in_tree
    ]
    places += [f"through {VARIABLE}, in {folder}" for folder in outside]
    copies = [str(file) for module, file in in_tree if module != INSTALLED]
    copies += [str(folder) for folder in outside if folder != Path(shim.__path__[0])]
    text = f"nnU-Net finds {trainer_name} {places[0]}"
    if places[1:]:
        text += f"; it would also be found, in this order, {', '.join(places[1:])}"
    if not copies:
        return Check("discovery", True, text)
    text += f". {', '.join(copies)} does not belong to this package's install: without it, nnU-Net's search fails there"
    step = f"Remove {', '.join(copies)}.{'' if ours else f' {MAKE_IT_FOUND}'}"
    return Check("discovery", True, text, step)


def _another_class(trainer_name: str, trainer: type) -> Check:
    """A class that is not ours, under a name that may be; right if it is based on ours, under a name of its own."""
    from nnunet_slice_attention.trainers.base import nnUNetTrainerSlab

    text = f"{trainer_name} comes from {trainer.__module__}, not from this package"
    try:
        resolve_ours(trainer_name)
    except (AttributeError, ValueError):
        if issubclass(trainer, nnUNetTrainerSlab):
            return Check("discovery", True, f"{text}, on whose trainers it is based")
        step = "Give -tr a slice-attention trainer, e.g. nnUNetTrainerSliceAttention."
        return Check("discovery", False, text, step)
    text += f": nnU-Net uses the first class of that name, which is in {_first_place(trainer_name)}"
    step = f"Remove or rename that class. {MAKE_IT_FOUND}"
    return Check("discovery", False, text, step)


def _why_not_found(trainer_name: str, error: Exception) -> Check:
    from nnunet_slice_attention.trainers import BASES

    try:
        resolve_ours(trainer_name)
        ours = True
    except AttributeError:
        ours = False
    except ValueError as mistake:  # a base of ours with a wrong suffix
        return Check("discovery", False, str(mistake), "Give -tr one of the names above.")
    failed = f"nnU-Net's search for {trainer_name} failed"
    if file := _broken_file(error):
        text = f"{failed} in {file}: {type(error).__name__}: {error}"
        step = f"Fix or remove that file, or remove its folder from {VARIABLE}."
        return Check("discovery", False, text, step)
    if not isinstance(error, RuntimeError):  # what it found is not a trainer
        text = f"{failed} in {_first_place(trainer_name)}: {error}"
        return Check("discovery", False, text, "Remove or rename the object of that name there.")
    if not ours:
        text = f"there is no trainer {trainer_name}"
        return Check("discovery", False, text, f"Names of this package start with {', '.join(BASES)}.")
    external = os.environ.get(VARIABLE)
    text = f"nnU-Net does not find {trainer_name}: it is not in nnU-Net's tree, and {VARIABLE} is "
    text += f"{external}, but this package's folder is {shim.__path__[0]}" if external else "not set"
    return Check("discovery", False, text, MAKE_IT_FOUND)


def resolve_ours(trainer_name: str) -> type:
    """Raise AttributeError for a name that is not ours, ValueError for one of ours with wrong suffixes."""
    from nnunet_slice_attention.trainers import resolve_trainer

    return resolve_trainer(trainer_name)


def _first_place(name: str) -> Path | str:
    """Where nnU-Net finds a name first."""
    found = [file for _, file in _in_tree(name)] or _in_variable(name)
    return found[0] if found else "a module"


def _in_tree(name: str) -> Iterator[tuple[str, Path]]:
    """Modules of nnU-Net's own tree that have the name, with their files, in search order."""
    for module in _modules(Path(nnunetv2.__path__[0], "training", "nnUNetTrainer"), TREE):
        try:
            found = import_module(module)
            if hasattr(found, name):
                yield module, Path(found.__file__)
        except Exception:  # nnU-Net's search ended before this module, or it would have failed here
            continue


def _modules(folder: Path, package: str) -> Iterator[str]:
    """In nnU-Net's order: the modules of a folder, then those of its packages."""
    modules = list(pkgutil.iter_modules([str(folder)]))
    yield from (f"{package}.{module.name}" for module in modules if not module.ispkg)
    for module in modules:
        if module.ispkg:
            yield from _modules(folder / module.name, f"{package}.{module.name}")


def _in_variable(name: str) -> list[Path]:
    """Folders of nnUNet_extTrainer in which nnU-Net would find the name, in search order."""
    found = []
    for folder in _folders():
        try:
            with redirect_stdout(StringIO()):
                trainer = find_objects.recursive_find_python_class(
                    str(folder), name, None, base_folder=str(folder), cleanup_imports_from_base_folder=True
                )
        except Exception:  # as above
            continue
        if trainer is not None:
            found.append(folder)
    return found


def _folders() -> list[Path]:
    """Existing folders of nnUNet_extTrainer."""
    named = os.environ.get(VARIABLE, "").split(os.pathsep)
    return [Path(folder) for folder in named if folder.strip() and Path(folder).exists()]


def _broken_file(error: Exception) -> Path | None:
    """The file in nnU-Net's tree or in nnUNet_extTrainer whose import raised the error, if any."""
    folders = [Path(nnunetv2.__path__[0], "training", "nnUNetTrainer"), *_folders()]
    files = [error.filename] if isinstance(error, SyntaxError) and error.filename else []
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code.co_name in ("<module>", "__getattr__"):
            files.append(code.co_filename)
        traceback = traceback.tb_next
    within = [Path(f) for f in files if any(folder in Path(f).parents for folder in folders)]
    return within[-1] if within else None

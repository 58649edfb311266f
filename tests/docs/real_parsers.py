"""Whether a command of the documentation is accepted: by the parser of the program itself, without running it."""

import argparse
import ast
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from contextlib import contextmanager
from functools import cache, partial
from importlib.metadata import entry_points
from pathlib import Path
from unittest.mock import patch

from packaging.requirements import Requirement

from nnunet_slice_attention.cli import build_parser
from nnunet_slice_attention.model_name import ModelName
from nnunet_slice_attention.trainers.find_trainer import find_trainer
from tests.docs.shell_blocks import ROOT

CONFIGURATIONS = {"2d", "3d_fullres", "3d_lowres", "3d_cascade_fullres"}
NNUNET = {e.name: e for e in entry_points(group="console_scripts") if e.name.startswith("nnUNetv2_")}


class _Built(BaseException):
    """Raised with its parser by a program that would parse its arguments."""


def check(command: list[str]) -> None:
    """Raise ValueError unless the program takes these arguments, and its trainers, models and scripts exist."""
    program, *arguments = command
    try:
        PROGRAMS[program](arguments)
        for word in arguments:
            if "__" in word and "/" not in word:
                _check_model(word)
            elif name := re.match(r"nnUNetTrainer\w*", word):
                _check_trainer(name[0])
    except ValueError as error:
        raise ValueError(f"{' '.join(command)}: {error}") from error


@contextmanager
def _strict():
    """Parsers that raise ValueError, and take no abbreviated flags, which would hide a renamed one."""

    def error(self, message):
        raise ValueError(message)

    never = property(lambda self: False, lambda self, value: None)
    with (
        patch.multiple(argparse.ArgumentParser, error=error),
        patch.object(argparse.ArgumentParser, "allow_abbrev", never, create=True),
    ):
        yield


def _parser_of(argv: list[str], start: Callable) -> argparse.ArgumentParser:
    """The parser that a program builds before anything else."""

    def built(self, *_):
        raise _Built(self)

    with (
        patch.object(sys, "argv", argv),
        patch.object(sys, "path", [str(ROOT), *sys.path]),
        patch.object(argparse.ArgumentParser, "parse_known_args", built),
    ):
        try:
            start()
        except _Built as found:
            return found.args[0]
    raise ValueError("has no parser of arguments")


def _ours(arguments: list[str]) -> None:
    with _strict():
        build_parser().parse_args(arguments)


def _nnunet(name: str, arguments: list[str]) -> None:
    with _strict():
        _parser_of([name, *arguments], NNUNET[name].load()).parse_args(arguments)


def _python(arguments: list[str]) -> None:
    if arguments[:2] == ["-m", "pytest"]:
        return _pytest(arguments[2:])
    if arguments[0] == "-m":
        _, name, *arguments = arguments
        start = lambda: runpy.run_module(name, run_name="__main__")  # noqa: E731
    else:
        name, *arguments = arguments
        text = _file(name).read_text(encoding="utf-8")
        if ".parse_args(" not in text:  # do not start it
            if arguments and "sys.argv" not in text:
                raise ValueError(f"{name} takes no arguments")
            return None
        start = lambda: runpy.run_path(str(ROOT / name), run_name="__main__")  # noqa: E731
    with _strict():
        _parser_of([name, *arguments], start).parse_args(arguments)


def _pytest(arguments: list[str]) -> None:
    for word in arguments:
        if not word.startswith("-"):
            _file(word, folder=True)


def _bash(arguments: list[str]) -> None:
    _succeeds("bash", "-n", _file(arguments[0]))


def _make(arguments: list[str]) -> None:
    _succeeds("make", "-n", *arguments)


def _succeeds(*command: str | Path) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(done.stderr.strip())


def _pip(arguments: list[str]) -> None:
    """The package's extras exist."""
    if arguments[:1] == ["wheel"]:
        return
    if arguments[:1] != ["install"]:
        raise ValueError("only pip install and pip wheel are known here")
    for word in (word for word in arguments[1:] if not word.startswith("-")):
        wanted = Requirement(re.sub(r"^\.", "nnunet-slice-attention", word))
        if wanted.name == "nnunet-slice-attention" and (unknown := wanted.extras - _extras()):
            raise ValueError(f"setup.py has no extra {', '.join(unknown)}")


def _extras() -> set[str]:
    calls = (
        node for node in ast.walk(ast.parse(_file("setup.py").read_text())) if isinstance(node, ast.keyword)
    )
    (extras,) = (call.value for call in calls if call.arg == "extras_require")
    return {key.value for key in extras.keys}


def _nothing_to_check(arguments: list[str]) -> None:
    pass


PROGRAMS: dict[str, Callable[[list[str]], None]] = {
    "nnunet-slice-attention": _ours,
    **{name: partial(_nnunet, name) for name in NNUNET},
    "python": _python,
    "pytest": _pytest,
    "bash": _bash,
    "make": _make,
    "pip": _pip,
    **dict.fromkeys(("cd", "mkdir", "chmod", "cp"), _nothing_to_check),
}


def _file(name: str, folder: bool = False) -> Path:
    path = ROOT / name
    if not (path.is_file() or (folder and path.is_dir())):
        raise ValueError(f"{name} does not exist")
    return path


def _check_model(word: str) -> None:
    model = ModelName.parse(word)
    _check_trainer(model.trainer)
    if model.configuration not in CONFIGURATIONS:
        raise ValueError(f"nnU-Net has no configuration {model.configuration}")


@cache
def _check_trainer(name: str) -> None:
    find_trainer(name)

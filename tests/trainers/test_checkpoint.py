"""A checkpoint is read without running code in it, and damage is distinguished from code."""

import os
import zipfile
from pathlib import Path

import pytest
import torch

from nnunet_slice_attention.trainers.checkpoint import read_checkpoint
from tests.trainers.two_d_models import COMMAND, edit


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def not_a_zip(path: Path) -> None:
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")


def truncated_inside(path: Path) -> None:
    with zipfile.ZipFile(path) as file:
        content = {info.filename: file.read(info) for info in file.infolist()}
    with zipfile.ZipFile(path, "w") as file:
        for name, data in content.items():
            file.writestr(name, data[: len(data) // 2] if name.endswith("data.pkl") else data)


@pytest.mark.parametrize("damage", [truncated, not_a_zip, truncated_inside])
def test_a_damaged_checkpoint(damage, two_d, start):
    damage(two_d.checkpoint)
    with pytest.raises(ValueError, match=rf"checkpoint_final.pth is damaged \(.* again: {COMMAND}$"):
        start()


def test_a_file_that_is_not_a_checkpoint(two_d, start):
    edit(two_d.checkpoint, lambda content: content.pop("init_args"))
    with pytest.raises(
        ValueError, match=rf"is not an nnU-Net checkpoint \(KeyError: 'init_args'\).* {COMMAND}$"
    ):
        start()


class Code:
    """Runs a function when it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("function", [os.mkdir, Path.touch, exec])
def test_code_in_a_checkpoint_is_not_run(function, two_d, start, tmp_path):
    made = tmp_path / "made"
    argument = {os.mkdir: str(made), Path.touch: made, exec: f"open({str(made)!r}, 'w')"}[function]
    edit(two_d.checkpoint, lambda content: content["logging"].update(more=Code(function, argument)))
    with pytest.raises(
        ValueError, match=rf"contains code \(.*\) that loading would run .* again: {COMMAND}$"
    ):
        start()
    assert not made.exists()
    torch.load(two_d.checkpoint, weights_only=False)
    assert made.exists()  # the code works


def test_scalars_of_numpy_1_and_2_are_read(two_d):
    """Pickles of NumPy 1 refer to another module."""
    with zipfile.ZipFile(two_d.checkpoint) as file:
        content = {info.filename: file.read(info) for info in file.infolist()}
    (pickled,) = (name for name in content if name.endswith("data.pkl"))
    names = (b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")
    assert any(name in content[pickled] for name in names)
    for name in names:
        changed = content[pickled].replace(names[0], name).replace(names[1], name)
        with zipfile.ZipFile(two_d.checkpoint, "w") as file:
            for path, data in content.items():
                file.writestr(path, changed if path == pickled else data)
        assert read_checkpoint(two_d.checkpoint).epochs == 2

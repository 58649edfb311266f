"""Atomic writes, full disks, and folders that cannot be written."""

import errno
import os
import re
import threading

import pytest

from nnunet_slice_attention import files
from nnunet_slice_attention.files import (
    cached_sha256,
    check_file_writable,
    check_writable,
    no_room,
    replacing,
    sha256,
    write_text,
)


def test_concurrent_writers_of_one_file_do_not_interfere_and_leave_no_partial_files(tmp_path):
    path, failed = tmp_path / "note.json", []
    texts = [str(i) * 20_000 for i in range(4)]

    def write(text: str) -> None:
        try:
            for _ in range(200):
                write_text(path, text)
        except OSError as error:
            failed.append(error)

    writers = [threading.Thread(target=write, args=(text,)) for text in texts]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failed and path.read_text() in texts
    assert list(tmp_path.iterdir()) == [path]


def test_what_fails_while_it_writes_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "map.nii.gz"
    path.write_text("old")
    with pytest.raises(OSError, match="disk full"), replacing(path, ".nii.gz") as partial:
        assert partial.parent == tmp_path and partial.name.endswith(".nii.gz")
        partial.write_text("ne")
        raise OSError("disk full")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_recognised_from_an_error_without_its_reason(tmp_path, monkeypatch):
    assert not no_room(RuntimeError("ITK ERROR"), tmp_path)
    assert not no_room(FileNotFoundError(errno.ENOENT, "gone"), tmp_path)

    def over_quota(file):
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr("os.fsync", over_quota)
    assert no_room(RuntimeError("ITK ERROR"), tmp_path)


def test_a_folder_that_became_inaccessible_takes_no_more_files(tmp_path):
    folder = tmp_path / "folder"
    folder.write_text("")
    assert no_room(RuntimeError("ITK ERROR"), folder)
    assert not no_room(PermissionError(errno.EACCES, "of an image"), tmp_path)


@pytest.mark.parametrize("asked", ["file", "file/new", "file/new/er"])
def test_a_file_in_the_place_of_a_folder_is_named(asked, tmp_path):
    (tmp_path / "file").write_text("mine")
    message = f"nothing can be written to {tmp_path / asked}: {tmp_path / 'file'} is not a folder that you"
    with pytest.raises(ValueError, match=re.escape(message)):
        check_writable(tmp_path / asked)


@pytest.mark.parametrize("lacking", [os.W_OK, os.X_OK])
def test_a_folder_without_permission_is_named(lacking, tmp_path, monkeypatch):
    """The permissions are made up: root, as whom tests may run, may write to any folder."""
    check_writable(tmp_path / "new" / "er")
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(os, "access", lambda path, mode: not (path == tmp_path and mode & lacking))
    with pytest.raises(ValueError, match=rf"new.er: {tmp_path} is not a folder that you can write to. Give"):
        check_writable(tmp_path / "new" / "er")


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path):
    check_file_writable(tmp_path / "new" / "model.onnx")
    with pytest.raises(
        ValueError, match=rf"{tmp_path} is a folder. Give a file with -o, e.g. {tmp_path}.FILE"
    ):
        check_file_writable(tmp_path)


def test_a_file_is_hashed_again_only_if_it_was_replaced(tmp_path, monkeypatch):
    path, read = tmp_path / "image.nii", []

    def counted(path):
        read.append(path)
        return sha256(path)

    monkeypatch.setattr(files, "sha256", counted)
    for text in ("one", "another"):
        write_text(path, text)
        assert cached_sha256(path) == cached_sha256(path) == sha256(path)
    assert read == [path, path]

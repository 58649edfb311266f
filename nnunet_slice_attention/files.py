"""Atomic writes, reading of JSON or of many files, and detection of replaced files and full disks."""

import errno
import hashlib
import json
import os
import tempfile
import uuid
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

NO_ROOM = {errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)}  # Windows has no EDQUOT
NO_ACCESS = {errno.EACCES, errno.EPERM, errno.ENOTDIR}  # of a folder; an image may lack it too
THREADS = 8  # files may be on a slow network
PROBE = 1 << 16  # bytes; more than a file system keeps beside its blocks

Item, Found = TypeVar("Item", bound=Hashable), TypeVar("Found")


def in_threads(
    read: Callable[[Item], Found], items: Iterable[Item], threads: int = THREADS
) -> dict[Item, Found]:
    """What a function that reads files finds for each item, several at once.

    Raises:
        the error of the function for the first item that has one.
    """
    items = list(items)
    with ThreadPoolExecutor(threads) as pool:
        return dict(zip(items, pool.map(read, items), strict=True))


def file_signature(path: Path) -> tuple[str, int, int]:
    """Changes when the file is rewritten; for files that are too large to hash at every call."""
    status = path.stat()
    return str(path.resolve()), status.st_size, status.st_mtime_ns


def sha256(path: Path) -> str:
    """Of the file's content, in hexadecimal."""
    checksum = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            checksum.update(block)
    return checksum.hexdigest()


def cached_sha256(path: Path) -> str:
    """`sha256` of a file, which is read again only if it has been replaced."""
    return _sha256_of(file_signature(path))


@cache
def _sha256_of(signature: tuple[str, int, int]) -> str:
    return sha256(Path(signature[0]))


def write_text(path: Path, text: str) -> None:
    """Replace `path` once the text is completely written."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


@contextmanager
def replacing(path: Path, ending: str = ".partial") -> Iterator[Path]:
    """A file in the same folder to write to, which replaces `path` at the end, unless there is an exception.

    Args:
        path: the file to replace.
        ending: of the file to write to, for writers that choose the format by it.
    """
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}{ending}")  # unique to this writer
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def no_room(error: Exception, folder: Path) -> bool:
    """Whether an error, probably of writing to `folder`, is one of a full or read-only disk, a quota, or access to it.

    Some libraries, such as ITK, do not say why they could not write, so another file is tried.
    """
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return True
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(PROBE))
            probe.flush()
            os.fsync(probe.fileno())  # quotas of network file systems
    except OSError as found:
        return found.errno in NO_ROOM | NO_ACCESS
    return False


def same_place(one: Path | str, other: Path | str) -> bool:
    """Whether two paths name the same file or folder, through links or a file system that ignores case.

    They need not exist.
    """
    if os.path.exists(one) and os.path.exists(other):
        return os.path.samefile(one, other)
    return os.path.realpath(one) == os.path.realpath(other)


def check_writable(folder: Path, next_step: str = "Give another with -o.") -> None:
    """Raise ValueError unless the folder, which need not exist, can be written to, as far as its permissions tell."""
    existing = next((path for path in (folder, *folder.parents) if os.path.lexists(path)), folder)
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        raise ValueError(
            f"nothing can be written to {folder}: {existing} is not a folder that you can write to. {next_step}"
        )


def check_file_writable(path: Path) -> None:
    """Raise ValueError unless a file can be written in this place, whose folder need not exist."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder. Give a file with -o, e.g. {path / 'FILE'}.")
    check_writable(path.parent)


def check_not_an_input(output: Path, inputs: Iterable[Path | str | None]) -> None:
    """Raise ValueError if writing `output` would replace one of the inputs."""
    for path in filter(None, inputs):
        if same_place(path, output):
            raise ValueError(f"{output} would overwrite the input {path}. Choose another output with -o.")


def check_own_folder(folder: Path, names: Iterable[str], mark: str) -> None:
    """Raise ValueError if one of these files exists in a folder without `mark`, so that it may be a user's own.

    Args:
        mark: name of what an earlier call leaves next to such files.
    """
    existing = next((folder / name for name in names if (folder / name).exists()), None)
    if existing and not (folder / mark).exists():
        raise ValueError(
            f"{existing} would be overwritten. Choose another folder with -o, or remove that file."
        )


def read_json(path: Path, remedy: str, kind: type = dict, keys: Iterable[str] = ()) -> Any:
    """The content of a JSON file.

    Args:
        path: the file.
        remedy: the next step if it is damaged, a sentence.
        kind: dict or list, the expected content.
        keys: required keys of a dict.

    Raises:
        FileNotFoundError: it does not exist.
        ValueError: it is empty, truncated, or has other content; with its path and the remedy.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        problem = "" if isinstance(content, kind) else f"it is not a JSON {kind.__name__}"
    except ValueError as error:  # includes decoding errors
        problem = str(error) if path.stat().st_size else "it is empty"
    if not problem and (missing := [key for key in keys if key not in content]):
        problem = f"it lacks {', '.join(missing)}"
    if problem:
        raise ValueError(f"{path} is damaged: {problem}. {remedy}")
    return content


def read_json_or_empty(path: Path) -> dict:
    """The content of an optional JSON file; {} if it is missing or damaged."""
    try:
        return read_json(path, "")
    except (OSError, ValueError):
        return {}

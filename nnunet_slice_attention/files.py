"""Writing files so that nothing half-written is left, reading JSON that may be, and telling replaced files."""

import json
import os
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def file_signature(path: Path) -> tuple[str, int, int]:
    """Changes when the file is written again; for files too large to be read for a hash at every call."""
    status = path.stat()
    return str(path.resolve()), status.st_size, status.st_mtime_ns


def write_text(path: Path, text: str) -> None:
    """Replace `path` once the text is complete on disk."""
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.partial")  # of this writer alone
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def check_not_an_input(output: Path, inputs: Iterable[Path | str | None]) -> None:
    """Raise ValueError if to write `output` would replace one of the inputs, by whatever name each is given."""
    for path in filter(None, inputs):
        if os.path.realpath(path) == os.path.realpath(output):
            raise ValueError(
                f"{output} would be written over {path}, which is read. Give another place with -o."
            )


def check_own_folder(folder: Path, names: Iterable[str], mark: str) -> None:
    """Raise ValueError if one of these files would be replaced in a folder that lacks `mark`: it is not ours.

    Args:
        mark: what a call that wrote such files before has left beside them.
    """
    there = next((folder / name for name in names if (folder / name).exists()), None)
    if there and not (folder / mark).exists():
        raise ValueError(f"{there} would be written over. Give another folder with -o, or remove that file.")


def read_json(path: Path, remedy: str, kind: type = dict, keys: Iterable[str] = ()) -> Any:
    """The content of a JSON file.

    Args:
        path: of the file.
        remedy: the next step if it is damaged, a sentence.
        kind: dict or list, what the file has to hold.
        keys: that a dict has to have.

    Raises:
        FileNotFoundError: it does not exist.
        ValueError: it is empty, cut off, or holds something else; with its path and the remedy.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        problem = "" if isinstance(content, kind) else f"it holds no {kind.__name__}"
    except ValueError as error:  # also of bytes that are no text
        problem = str(error) if path.stat().st_size else "it is empty"
    if not problem and (missing := [key for key in keys if key not in content]):
        problem = f"it lacks {', '.join(missing)}"
    if problem:
        raise ValueError(f"{path} is damaged: {problem}. {remedy}")
    return content


def read_json_or_empty(path: Path) -> dict:
    """The content of a JSON file that can be done without; {} if it is missing or damaged."""
    try:
        return read_json(path, "")
    except (OSError, ValueError):
        return {}

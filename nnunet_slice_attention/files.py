"""Writing files so that nothing half-written is left, and telling whether they were written again."""

import os
from collections.abc import Iterable
from pathlib import Path


def identity(path: Path) -> tuple[str, int, int]:
    """Changes when the file is written again; for files too large to be read for a hash at every call."""
    status = path.stat()
    return str(path.resolve()), status.st_size, status.st_mtime_ns


def write_text(path: Path, text: str) -> None:
    """Replace `path` once the text is complete on disk."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def check_no_input(output: Path, inputs: Iterable[Path | str | None]) -> None:
    """Raise ValueError if to write `output` would replace one of the inputs, by whatever name each is given."""
    for path in filter(None, inputs):
        if os.path.realpath(path) == os.path.realpath(output):
            raise ValueError(
                f"{output} would be written over {path}, which is read. Give another place with -o."
            )

"""Writing files so that nothing half-written is left, and telling whether they are whole or were written again."""

import gzip
import math
import os
from pathlib import Path

import nibabel


def identity(path: Path) -> tuple[str, int, int]:
    """Changes when the file is written again; for files too large to be read for a hash at every call."""
    status = path.stat()
    return str(path.resolve()), status.st_size, status.st_mtime_ns


def write_text(path: Path, text: str) -> None:
    """Replace `path` once the text is complete on disk."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def check_complete(path: Path) -> None:
    """Raise an OSError if an image file is empty, or cut off.

    ITK's NIfTI reader fills up what a cut-off file lacks and says nothing. Readers of other formats do notice.
    """
    size = path.stat().st_size
    if size == 0:
        raise OSError("the file is empty")
    if path.suffix == ".gz":
        try:
            with gzip.open(path) as file:
                while file.read(1 << 20):
                    pass
        except EOFError as error:
            raise OSError("the file is cut off") from error
    if path.suffix == ".nii":
        image = nibabel.load(path)
        expected = image.dataobj.offset + math.prod(image.shape) * image.get_data_dtype().itemsize
        if size < expected:
            raise OSError(f"the file is cut off: {size} bytes of {expected}")

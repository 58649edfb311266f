"""Writing files so that nothing half-written is left."""

import os
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Replace `path` once the text is complete on disk."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)

"""What rows were measured with: noted by the process that measures, when it measures."""

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

from nnunet_slice_attention.environment import commit, hardware, versions
from nnunet_slice_attention.files import write_text

FILE = "made_with.json"
KEPT = ("versions", "commit", "hardware", "date")


def note(folder: Path, more: Mapping[str, object] | None = None) -> None:
    """Write the file of a run's folder, last of all."""
    today = datetime.now(timezone.utc).date().isoformat()
    found = dict(zip(KEPT, (versions(), commit(), hardware(), today), strict=True))
    write_text(folder / FILE, json.dumps(found | dict(more or {}), indent=1))


def sentence(noted: Mapping[str, str]) -> str:
    """For a page, without its full stop."""
    at = f", commit {noted['commit']}" if "commit" in noted else ""
    return f"{noted['versions']}{at}" + (f". {noted['hardware']}" if "hardware" in noted else "")

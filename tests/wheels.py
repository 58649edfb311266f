"""Wheels of source trees and sdists."""

import subprocess
import sys
from pathlib import Path


def build_wheel(sources: Path, folder: Path) -> Path:
    """Build the wheel of a source tree or an sdist, without network access."""
    options = ["--no-deps", "--no-build-isolation", "-w", folder]
    command = [sys.executable, "-m", "pip", "wheel", *options, sources]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("*.whl")
    return path

"""What a figure was measured with: a table without it cannot be compared with another."""

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "nnunet-slice-attention",
    "nnunetv2",
    "torch",
    "dynamic-network-architectures",
    "batchgeneratorsv2",
)


def versions() -> str:
    """Python and the packages that decide a result, e.g. "Python 3.11.7, nnunetv2 2.8.1, torch 2.15.0"."""
    return ", ".join([f"Python {platform.python_version()}", *(f"{p} {_version(p)}" for p in PACKAGES)])


def hardware() -> str:
    """GPU if there is one, and CPU, e.g. "2 x AMD EPYC, no GPU"."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.+)", info.read_text()) if info.is_file() else []
    return f"{os.cpu_count()} x {names[0] if names else platform.processor() or platform.machine()}, {gpu}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"

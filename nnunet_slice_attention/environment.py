"""Versions, hardware and commit that a result was obtained with."""

import json
import os
import platform
import re
import subprocess
import warnings
from importlib.metadata import PackageNotFoundError, distribution, requires, version
from pathlib import Path

from packaging.requirements import Requirement

OURS = "nnunet-slice-attention"
PACKAGES = (
    OURS,
    "nnunetv2",
    "torch",
    "dynamic-network-architectures",
    "batchgeneratorsv2",
)


def versions() -> str:
    """Versions of Python and the packages that affect results, e.g. "Python 3.11.7, nnunetv2 2.8.1, torch 2.15.0"."""
    packages = (f"{package} {installed_version(package) or '(not installed)'}" for package in PACKAGES)
    return ", ".join([f"Python {platform.python_version()}", *packages])


def installed_version(package: str) -> str | None:
    """None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def supported_nnunet() -> Requirement:
    """The nnU-Net versions that this package requires, e.g. nnunetv2<2.9,>=2.8."""
    return next(r for r in map(Requirement, requires(OURS) or ()) if r.name == "nnunetv2")


def hardware() -> str:
    """CPU, and GPU if there is one, e.g. "2 x AMD EPYC, no GPU"."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.+)", info.read_text()) if info.is_file() else []
    return f"{os.cpu_count()} x {names[0] if names else platform.processor() or platform.machine()}, {gpu}"


def cuda_problem() -> str:
    """Why PyTorch finds no GPU, if it says so, e.g. that the driver is too old."""
    import torch

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        torch.cuda.is_available()
    return " ".join(" ".join(str(warning.message).split()) for warning in said)


def commit() -> str:
    """Commit of the source, e.g. "1a2b3c4"; "1a2b3c4-dirty" if Python files differ from it; "unknown" outside Git."""
    file = Path(__file__)
    git = ["git", "-C", str(file.parent)]
    try:
        # A package installed inside another repository is not tracked there.
        subprocess.run([*git, "ls-files", "--error-unmatch", file.name], capture_output=True, check=True)
        head = subprocess.run([*git, "describe", "--always"], capture_output=True, text=True, check=True)
        # Experiments write their tables into the repository while further runs of theirs are due.
        changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", ":(top)*.py"], capture_output=True)
        return head.stdout.strip() + ("-dirty" if changed.returncode else "")
    except (OSError, subprocess.CalledProcessError):
        return _installed_commit()


def _installed_commit() -> str:
    """Commit recorded by pip when installing from Git."""
    try:
        direct_url = json.loads(distribution(OURS).read_text("direct_url.json"))
        return direct_url["vcs_info"]["commit_id"][:7]
    except (PackageNotFoundError, ValueError, TypeError, KeyError):  # not from Git, or a damaged file
        return "unknown"

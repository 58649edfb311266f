"""Checks of the installation: nnU-Net's version and behaviour, and its folders. Each check is one function."""

import os
import platform
from pathlib import Path

import nnunet_slice_attention

from ..environment import cuda_problem, installed_version, supported_nnunet
from .check import Check

COMPANIONS = ("dynamic-network-architectures", "batchgeneratorsv2")
FOLDERS = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")


def check_nnunet_version() -> Check:
    found = installed_version("nnunetv2")
    supported = supported_nnunet()
    text = f"{found or 'not installed'}; supported: {supported.specifier}"
    ok = found is not None and supported.specifier.contains(found, prereleases=True)
    return Check("nnunetv2", ok, text, "" if ok else f'pip install "{supported}"')


def check_companions() -> Check:
    others = [f"{name} {installed_version(name) or 'not installed'}" for name in COMPANIONS]
    ours = f"nnunet-slice-attention {nnunet_slice_attention.__version__}"
    return Check(
        "versions", True, ", ".join([ours, f"python {platform.python_version()}", _torch(), *others])
    )


def _torch() -> str:
    import torch

    if torch.cuda.is_available():
        device = f"cuda, {torch.cuda.get_device_name()}"
    else:
        device = "mps" if torch.backends.mps.is_available() else "cpu"
        if problem := cuda_problem():
            device = f"{device}; no CUDA: {problem}"
    return f"torch {torch.__version__} ({device})"


def check_contract() -> Check:
    from .nnunet_contract import CONTRACT, violations

    broken = violations()
    if broken:
        return Check("contract", False, " ".join(broken), f'pip install "{supported_nnunet()}"')
    return Check("contract", True, f"nnU-Net behaves as this package expects in all {len(CONTRACT)} points")


def check_folder(variable: str) -> Check:
    """nnU-Net creates folders itself, so only an unset variable is an error."""
    value = os.environ.get(variable)
    if not value:
        return Check(variable, False, "not set", f"export {variable}=/path/to/{variable}")
    if not Path(value).is_dir():
        return Check(variable, True, f"{value} does not exist yet", f"mkdir -p {value}, or correct the path")
    return Check(variable, True, value)

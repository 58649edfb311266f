"""Checks nnU-Net's version, the discovery of our trainers and nnU-Net's folders. Each check is one function.

`examine` runs all checks; those of discovery are in `discovery`, those of a data set in `dataset_checks`.
"""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import nnunet_slice_attention

from ..environment import cuda_problem, supported_nnunet
from .check import Check

COMPANIONS = ("dynamic-network-architectures", "batchgeneratorsv2")
FOLDERS = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")


def examine(dataset: str | int | None, plans_name: str, trainer_name: str) -> list[Check]:
    """All checks in order, without those that depend on a failed one.

    Args:
        dataset: id or name; None checks the installation only.
        plans_name: e.g. nnUNetPlans.
        trainer_name: any name that the resolver accepts.
    """
    nnunet = check_nnunet_version()
    if installed_version("nnunetv2") is None:
        return [nnunet]
    from .discovery import check_discovery

    discovery, trainer = check_discovery(trainer_name)
    checks = [nnunet, check_companions(), check_contract(), discovery, *map(check_folder, FOLDERS)]
    if dataset is not None and trainer is not None:
        from .dataset_checks import check_dataset

        checks += check_dataset(dataset, plans_name, trainer)
    return checks


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


def installed_version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None

"""Runs the checks of the installation, of discovery and of a data set."""

from ..environment import installed_version
from .check import Check
from .installation_checks import (
    FOLDERS,
    check_companions,
    check_contract,
    check_folder,
    check_nnunet_version,
)


def run_checks(dataset: str | int | None, plans_name: str, trainer_name: str) -> list[Check]:
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

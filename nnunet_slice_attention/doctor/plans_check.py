"""Checks that plans exist, fit nnU-Net's version, and have their preprocessed data."""

from pathlib import Path

from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from ..dataset_files import read_plans
from ..plans.old_plans import has_architecture, with_architecture
from ..plans.shared_data import check_shared_data
from .check import Check

CONFIGURATION = "2d"


def check_plans(folder: Path, dataset: str | int, plans_name: str) -> tuple[Check, dict | None]:
    """The plans, `with_architecture`; None without plans, a usable 2D configuration or data preprocessed for it."""
    path = folder / f"{plans_name}.json"
    if not path.is_file():
        step = f"nnUNetv2_plan_and_preprocess -d {dataset} -c {CONFIGURATION}"
        others = sorted(other.stem for other in folder.glob("*Plans*.json"))
        text = f"{path} does not exist" + (f"; existing plans: {', '.join(others)}" if others else "")
        return Check("plans", False, text, step), None
    try:
        plans = read_plans(path)
    except ValueError as error:
        return Check(
            "plans", False, str(error), f"nnUNetv2_plan_and_preprocess -d {dataset} -c {CONFIGURATION}"
        ), None
    if CONFIGURATION not in plans["configurations"]:
        text = f"{path} has no configuration {CONFIGURATION!r}, only {', '.join(plans['configurations'])}"
        return Check("plans", False, text, f"nnUNetv2_plan_experiment -d {dataset}"), None
    try:
        converted = with_architecture(plans, CONFIGURATION)
    except (KeyError, RuntimeError) as error:  # an old format that nnU-Net cannot convert
        step = f"nnUNetv2_plan_experiment -d {dataset}"
        text = (
            f"{path}: nnU-Net cannot convert configuration {CONFIGURATION}: {type(error).__name__}: {error}"
        )
        return Check("plans", False, text, step), None
    try:
        check_shared_data(converted, CONFIGURATION, folder)
    except ValueError as error:
        return Check(
            "plans", False, str(error), f"nnunet-slice-attention plan-compact -d {dataset}, or that command"
        ), None
    data = folder / PlansManager(converted).get_configuration(CONFIGURATION).data_identifier
    if not data.is_dir():
        step = f"nnUNetv2_preprocess -d {dataset} -plans_name {plans_name} -c {CONFIGURATION}"
        return Check("plans", False, f"{path} exists, but the preprocessed data {data} do not", step), None
    old = not has_architecture(plans, CONFIGURATION)
    text = f"{path}{', in the format of nnU-Net 2.0 to 2.3, which nnU-Net converts' if old else ''}"
    return Check("plans", True, text), converted

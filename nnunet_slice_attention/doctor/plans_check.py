"""Checks that plans exist, fit nnU-Net's version, and have their preprocessed data."""

from pathlib import Path

from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from ..dataset_files import dataset_id, read_plans
from ..plans.old_plans import has_architecture, with_architecture
from ..plans.plans_file import check_own_names, existing_plans, how_to_make, how_to_make_again
from ..plans.shared_data import MADE_FROM, check_shared_data
from .check import Check

CONFIGURATION = "2d"


def check_plans(folder: Path, dataset: str | int, plans_name: str) -> tuple[Check, dict | None]:
    """The plans, `with_architecture`; None without plans, a usable 2D configuration or data preprocessed for it."""
    path = folder / f"{plans_name}.json"
    if not path.is_file():
        others = existing_plans(folder)
        text = f"{path} does not exist" + (f"; existing plans: {', '.join(others)}" if others else "")
        return Check("plans", False, text, how_to_make(dataset, plans_name, others)), None
    try:
        plans = read_plans(path)
    except ValueError as error:
        # nnU-Net's planner fails at a damaged file of its own, plan-compact overwrites compact plans only.
        step = f"Remove {path}, then {how_to_make_again(dataset, plans_name)}"
        return Check("plans", False, str(error), step), None
    try:
        check_own_names(path, plans)
    except ValueError as error:
        step = "nnUNetv2_train would do so; crossval refuses these plans."
        return Check("plans", False, str(error), step), None
    again = how_to_make_again(dataset, plans_name, plans)
    if CONFIGURATION not in plans["configurations"]:
        text = f"{path} has no configuration {CONFIGURATION!r}, only {', '.join(plans['configurations'])}"
        return Check("plans", False, text, again), None
    try:
        converted = with_architecture(plans, CONFIGURATION)
    except (KeyError, RuntimeError) as error:  # an old format that nnU-Net cannot convert
        text = (
            f"{path}: nnU-Net cannot convert configuration {CONFIGURATION}: {type(error).__name__}: {error}"
        )
        return Check("plans", False, text, again), None
    try:
        check_shared_data(converted, CONFIGURATION, folder)
    except ValueError as error:
        if source := converted.get(MADE_FROM):
            first = how_to_make_again(dataset, source, {})
            again = f"{again}; if {source} is to be planned again, first {first}"
        return Check("plans", False, str(error), again), None
    data = folder / PlansManager(converted).get_configuration(CONFIGURATION).data_identifier
    if not data.is_dir():
        step = f"nnUNetv2_preprocess -d {dataset_id(dataset)} -plans_name {plans_name} -c {CONFIGURATION}"
        return Check("plans", False, f"{path} exists, but the preprocessed data {data} do not", step), None
    old = not has_architecture(plans, CONFIGURATION)
    text = f"{path}{', in the format of nnU-Net 2.0 to 2.3, which nnU-Net converts' if old else ''}"
    return Check("plans", True, text), converted

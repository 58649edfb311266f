"""Plans that use the data preprocessed for others, such as compact plans, must stay those data's plans.

Planning a data set again replaces nnU-Net's plans and its data, not the plans made from them before. Training and
validation would use the new data, prediction would resample and normalise images by the old plans.
"""

from collections.abc import Mapping
from pathlib import Path

from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from ..dataset_files import read_plans
from .differences import first_difference, preprocessing_plans

MADE_FROM = "slice_attention_made_from"  # entry of plans made from others: their name


def check_shared_data(plans: Mapping, configuration: str, folder: Path) -> None:
    """Raise ValueError if these plans preprocess images otherwise than the plans whose data they use.

    Other plans than those with `MADE_FROM` may have preprocessed the data themselves, so they are refused only if the
    plans with the data's name are newer.

    Args:
        folder: of the preprocessed data set, with both plans.
    """
    name, data = plans["plans_name"], PlansManager(plans).get_configuration(configuration).data_identifier
    owner = plans.get(MADE_FROM, data.removesuffix(f"_{configuration}"))
    own_file, owner_file = folder / f"{name}.json", folder / f"{owner}.json"
    if owner == name or not owner_file.is_file():
        return
    if (
        MADE_FROM not in plans
        and own_file.is_file()
        and own_file.stat().st_mtime >= owner_file.stat().st_mtime
    ):
        return
    owners_plans = read_plans(owner_file)
    if configuration not in owners_plans["configurations"]:
        return
    if PlansManager(owners_plans).get_configuration(configuration).data_identifier != data:
        return  # they have been moved to another data set, or given data of their own
    both = (preprocessing_plans(p, configuration) for p in (plans, owners_plans))
    if differs := first_difference(*both):
        entry, found, expected = differs
        raise ValueError(
            f"{name} has {entry} {found}, but {owner}, by which its data {data} are preprocessed, has {expected}: "
            f"it was planned again. Make {name} again by plan-compact, or the command it is from, and train again what "
            "was trained with it."
        )

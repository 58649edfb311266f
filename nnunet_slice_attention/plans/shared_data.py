"""Plans must fit the data that they use, which other plans may have preprocessed.

Compact plans use another's data, and nnU-Net's planners for residual encoders write theirs where those of the default
plans are. Planning a data set again replaces the data and one planner's plans, not the others. Training and validation
would use the new data, prediction would resample and normalise images by the old plans.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from ..dataset_files import read_plans
from ..files import read_json_or_empty
from .differences import first_difference, preprocessing_plans

MADE_FROM = "slice_attention_made_from"  # entry of plans made from others: their name


def check_shared_data(plans: Mapping, configuration: str, folder: Path) -> None:
    """Raise ValueError if these plans preprocess images otherwise than plans that have preprocessed their data.

    Those are the plans that they were made from and, because any planner of the data may have been the last, those
    that are newer than the plans' own planner.

    Args:
        folder: of the preprocessed data set, with all plans.
    """
    name, data = plans["plans_name"], PlansManager(plans).get_configuration(configuration).data_identifier
    source = plans.get(MADE_FROM)
    if source and (folder / f"{source}.json").is_file():
        read_plans(folder / f"{source}.json")  # damaged plans are an error here, and ignored below
    planned = (source and _written(folder, source)) or _written(folder, name)
    for other, others_plans in _planners_of(data, configuration, folder):
        if other == name or (other != source and _written(folder, other) <= planned):
            continue
        both = (preprocessing_plans(p, configuration) for p in (plans, others_plans))
        if differs := first_difference(*both):
            entry, found, expected = differs
            again = f"make {name} again by {'plan-compact' if source else 'the command it is from'}"
            again = f"plan {source} again, {again}" if source not in (None, other) else again
            raise ValueError(
                f"{name} has {entry} {found}, but {other}, by which its data {data} are preprocessed, has {expected}: "
                f"the data set was planned again. {again[0].upper()}{again[1:]}, and train again what was trained with "
                f"it. If {name} preprocessed them last: touch {folder / name}.json"
            )


def _written(folder: Path, name: str) -> float:
    """When the plans were written; 0 if there are none."""
    path = folder / f"{name}.json"
    return path.stat().st_mtime if path.is_file() else 0.0


def _planners_of(data: str, configuration: str, folder: Path) -> Iterator[tuple[str, dict]]:
    """Names and plans by which nnU-Net may have preprocessed `data`; other and damaged files are ignored."""
    for path in sorted(folder.glob("*.json")):
        plans = read_json_or_empty(path)
        if MADE_FROM in plans or plans.get("plans_name") != path.stem:  # a copy is under another name
            continue
        try:
            identifier = PlansManager(plans).get_configuration(configuration).data_identifier
        except (KeyError, RuntimeError, TypeError, ValueError):  # no such configuration, or not nnU-Net's
            continue
        if identifier == data:
            yield path.stem, plans

"""The plans file of a data set, whether it is planned and preprocessed, and the commands that do so."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from nnunetv2.paths import nnUNet_preprocessed
from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name

from ..dataset_files import dataset_id, read_description, read_plans
from ..model_name import ModelName
from .shared_data import MADE_FROM

STOCK_PLANS = "nnUNetPlans"
COMPACT_PLANS = "nnUNetCompactPlans"  # unless they are given another name
PLANNERS = {  # of nnU-Net, by the plans that they make
    STOCK_PLANS: "",
    **{f"nnUNetResEncUNet{size}Plans": f" -pl nnUNetPlannerResEnc{size}" for size in ("M", "L", "XL")},
}


def plans_file(dataset: str | int, plans_name: str) -> Path:
    """`plans_name`.json in the preprocessed folder of a data set, given by id or name.

    Raises:
        RuntimeError: no data set has that id (raised by nnU-Net).
        FileNotFoundError: the data set has no such plans.
    """
    path = Path(str(nnUNet_preprocessed)) / maybe_convert_to_dataset_name(dataset) / f"{plans_name}.json"
    if not path.is_file():
        existing = existing_plans(path.parent)
        others = f"; existing plans: {', '.join(existing)}" if existing else ""
        raise FileNotFoundError(
            f"{path} does not exist{others}. Next: {how_to_make(dataset, plans_name, existing)}"
        )
    return path


def check_planned(dataset: str | int, plans_names: Iterable[str]) -> None:
    """Raise FileNotFoundError or ValueError unless a data set has these plans and its `dataset.json`, undamaged."""
    for name in dict.fromkeys(plans_names):
        read_plans(plans_file(dataset, name))
    description = Path(str(nnUNet_preprocessed)) / maybe_convert_to_dataset_name(dataset) / "dataset.json"
    if not description.is_file():
        raise FileNotFoundError(
            f"{description} does not exist. Put back that of the raw data set, or run: "
            f"{how_to_make(dataset, STOCK_PLANS, [])}"
        )
    read_description(description)


def check_own_names(path: Path, plans: Mapping) -> None:
    """Raise ValueError unless the plans in a data set's folder name that data set and their own file.

    nnU-Net finds its data and names its results by these entries, not by the file or the folder.
    """
    names = {"dataset_name": path.parent.name, "plans_name": path.stem}
    for entry, name in names.items():
        if plans.get(entry) != name:
            raise ValueError(
                f"{path} has {entry} {plans.get(entry)!r}, as a copy of other plans has: nnU-Net would train in the "
                f"folder of those. Write {name!r} there, or remove the file."
            )


def check_preprocessed(dataset: str | int, model: ModelName, folders: Iterable[Path]) -> None:
    """Raise FileNotFoundError unless these folders exist, which preprocessing for a model writes."""
    for folder in folders:
        if not folder.is_dir():
            raise FileNotFoundError(
                f"{folder} does not exist: {model} is planned, but not preprocessed. Run: nnUNetv2_preprocess "
                f"-d {dataset_id(dataset)} -plans_name {model.plans} -c {model.configuration}"
            )


def existing_plans(folder: Path) -> list[str]:
    """Names of the plans of a preprocessed data set."""
    return sorted(path.stem for path in folder.glob("*Plans*.json"))


def how_to_make(dataset: str | int, name: str, existing: list[str]) -> str:
    """The next step if a data set has no plans `name`, but `existing` ones."""
    plan = f"nnUNetv2_plan_and_preprocess -d {dataset_id(dataset)} -c 2d 3d_fullres"
    if name in PLANNERS:
        return plan + PLANNERS[name]
    compact = f"nnunet-slice-attention plan-compact -d {dataset_id(dataset)} -o {name}"
    if not existing:
        return f"{plan}, then, for compact plans, {compact}; for others add their planner (-pl)"
    return (
        f"Give one of those, or run {compact} for compact plans, for others {plan} with their planner (-pl)"
    )


def how_to_make_again(dataset: str | int, name: str, plans: Mapping | None = None) -> str:
    """The next step if plans `name` are wrong or, without `plans`, damaged; the preprocessed data stay."""
    plan = f"nnUNetv2_plan_experiment -d {dataset_id(dataset)}"
    if name in PLANNERS:
        return plan + PLANNERS[name]
    compact = f"nnunet-slice-attention plan-compact -d {dataset_id(dataset)} -o {name}"
    planner = f"{plan} with the planner (-pl) that made {name}"
    if plans is None:
        return f"{compact} if they are compact plans, otherwise {planner}"
    if name == COMPACT_PLANS and MADE_FROM not in plans:  # of version 0.1.0
        return f"remove that file, then {compact}"
    if source := plans.get(MADE_FROM):
        return compact if source == STOCK_PLANS else f"{compact} -p {source}"
    return planner

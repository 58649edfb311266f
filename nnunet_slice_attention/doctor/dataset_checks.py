"""Checks a data set for a slice-attention trainer: slice axis, spacing, slabs and context in mm."""

import os
from pathlib import Path

import torch
from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from .. import dataset_files
from ..model_name import ModelName
from ..plans.shared_data import check_shared_data
from ..plans.slabs import SLAB_RULES, has_architecture, median_depth, slab_plan, with_architecture
from .case_check import check_cases
from .check import Check
from .extent_check import check_extents
from .header_check import check_headers

CONFIGURATION = "2d"
# Below this ratio of slice to in-plane spacing a 3D network loses nothing.
NEARLY_ISOTROPIC = 1.5


def check_dataset(dataset: str | int, plans_name: str, trainer: type) -> list[Check]:
    """From the data set's name and files to the network; most checks stop at the first failure.

    Args:
        dataset: id or name.
        plans_name: e.g. nnUNetPlans.
        trainer: a subclass of nnUNetTrainerSlab.
    """
    preprocessed = os.environ.get("nnUNet_preprocessed")
    if not preprocessed:
        return []  # reported by `check_folder`
    name_check, name = find_dataset(dataset)
    if name is None:
        return [name_check]
    raw = os.environ.get("nnUNet_raw")
    raw_folder = Path(raw, name) if raw else None
    checks = [name_check, *(check_headers(raw_folder, dataset) if raw_folder else ())]
    plans_check, plans = read_plans(Path(preprocessed, name), dataset, plans_name)
    if plans is None:
        return [*checks, plans_check]
    data = Path(preprocessed, name, PlansManager(plans).get_configuration(CONFIGURATION).data_identifier)
    checks += [plans_check, *check_cases(raw_folder, data.parent, data, dataset)]
    slabs = check_slabs(plans, trainer)
    if not slabs.ok:
        return [*checks, slabs]
    network = check_network(plans, dataset, trainer)
    return [
        *checks,
        check_axis(plans),
        check_spacing(plans, dataset),
        *check_baselines(plans, dataset, plans_name, trainer),
        check_depth(plans, trainer),
        *check_extents(Path(preprocessed, name), plans, trainer),
        slabs,
        network,
    ]


def find_dataset(dataset: str | int) -> tuple[Check, str | None]:
    """The data set's folder name; None if it is in neither folder."""
    folders = {v: os.environ[v] for v in ("nnUNet_raw", "nnUNet_preprocessed") if os.environ.get(v)}
    try:
        name = maybe_convert_to_dataset_name(dataset)
        reason = f"{dataset} is not in " + " or ".join(f"{v}={path}" for v, path in folders.items())
    except (RuntimeError, ValueError) as error:
        name, reason = None, str(error)
    if name is not None and any(Path(path, name).is_dir() for path in folders.values()):
        return Check("data set", True, name), name
    step = "Put it in $nnUNet_raw as DatasetXXX_Name (imagesTr, labelsTr, dataset.json), or fix -d or the variables."
    return Check("data set", False, reason, step), None


def read_plans(folder: Path, dataset: str | int, plans_name: str) -> tuple[Check, dict | None]:
    """The plans, `with_architecture`; None without plans, a usable 2D configuration or data preprocessed for it."""
    path = folder / f"{plans_name}.json"
    if not path.is_file():
        step = f"nnUNetv2_plan_and_preprocess -d {dataset} -c {CONFIGURATION}"
        others = sorted(other.stem for other in folder.glob("*Plans*.json"))
        text = f"{path} does not exist" + (f"; existing plans: {', '.join(others)}" if others else "")
        return Check("plans", False, text, step), None
    try:
        plans = dataset_files.read_plans(path)
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


def check_axis(plans: dict) -> Check:
    axis = plans["transpose_forward"][0]
    text = f"slices are stacked along array axis {axis} (0, 1, 2 = z, y, x in SimpleITK)"
    return Check("slicing", True, text + ", the axis with the largest median spacing")


def check_spacing(plans: dict, dataset: str | int) -> Check:
    through, *in_plane = plans["original_median_spacing_after_transp"]
    ratio = slice_ratio(plans)
    text = f"median slice spacing {through:g} mm, in plane {in_plane[0]:g} x {in_plane[1]:g} mm, ratio {ratio:.1f}"
    if ratio >= NEARLY_ISOTROPIC:
        return Check("spacing", True, text)
    step = f"Compare with a 3D network, which is often better for such data: nnUNetv2_train {dataset} 3d_fullres 0"
    return Check("spacing", True, f"{text}: nearly isotropic", step)


def slice_ratio(plans: dict) -> float:
    """Median slice spacing relative to the larger in-plane spacing."""
    through, *in_plane = plans["original_median_spacing_after_transp"]
    return through / max(in_plane)


def check_baselines(plans: dict, dataset: str | int, plans_name: str, trainer: type) -> list[Check]:
    """What to compare with, for thick slices; empty for nearly isotropic data, where `check_spacing` says it."""
    if slice_ratio(plans) < NEARLY_ISOTROPIC:
        return []
    text = (
        "no network of this package has been shown to outperform nnU-Net 2D trained for the same time (measured at a "
        "ratio of 3: benchmark_results/equal_time)"
    )
    configurations = [c for c in (CONFIGURATION, "3d_fullres") if c in plans["configurations"]]
    models = [ModelName("nnUNetTrainer", plans_name, configuration) for configuration in configurations]
    models = " ".join(map(str, [*models, ModelName(trainer.__name__, plans_name, CONFIGURATION)]))
    step = f"Compare on the same folds: nnunet-slice-attention crossval -d {dataset} -o crossval -m {models}"
    return [Check("baselines", True, text, step)]


def check_depth(plans: dict, trainer: type) -> Check:
    depth, context = median_depth(plans), 2 * trainer.context_radius() + 1
    if depth >= context:
        return Check("depth", True, f"median {depth} slices")
    text = f"median {depth} slices, fewer than the {context} that {trainer.__name__} uses"
    fewer = depth - (depth + 1) % 2  # slices are an odd number
    step = f"A trainer with fewer slices would suffice: suffix _{fewer}slices."
    return Check(
        "depth", True, text, step if fewer >= 3 else "Compare with nnU-Net 2D, which needs no neighbours."
    )


def check_slabs(plans: dict, trainer: type) -> Check:
    """Slabs in slices and voxels, and context in mm on each side of a slice."""
    radius = trainer.context_radius()
    try:
        slab = slab_plan(plans, CONFIGURATION, radius, trainer.sampling, trainer.uses_position())
    except ValueError as error:
        return Check(
            "slabs", False, str(error), "Slice-attention trainers cannot be used with this data set as it is."
        )
    height, width = slab.in_plane
    reach = radius * plans["original_median_spacing_after_transp"][0]
    first = "first on nnU-Net's own 2D batches, then " if trainer.begins_in_2d else ""
    number, depth = slab.train_slabs, slab.train_depth
    slabs = f"{number} slabs of {depth} slices" if depth > 1 else f"{number} single slices"
    around = (
        f"{radius} neighbour{'s' * (radius != 1)} on each side, {reach:g} mm" if radius else "no neighbours"
    )
    text = (
        f"training {first}on {slabs} of {height} x {width}, prediction on {slab.predict_depth} slices; a slice has "
        f"{around}"
    )
    planned = PlansManager(plans).get_configuration(CONFIGURATION).batch_size
    slices = slab.train_slabs * (
        slab.train_depth if SLAB_RULES[trainer.sampling].learning.context_grad else 1
    )
    if slab.train_slabs > 1 or slices <= planned:
        return Check("slabs", True, text)
    text += f"; a training step uses {slices} slices, but nnU-Net planned {planned} for the GPU memory"
    return Check(
        "slabs",
        True,
        text,
        "If it runs out of memory, remove the suffix for the slabs, or use fewer slices, e.g. _3slices.",
    )


def check_network(plans: dict, dataset: str | int, trainer: type) -> Check:
    """Build the network as training does, on the meta device, with one channel and two classes."""
    manager = PlansManager(plans)
    configuration = manager.get_configuration(CONFIGURATION)
    try:
        with torch.device("meta"):
            network = trainer.build_network_architecture(manager, configuration, 1, 2)
    except Exception as error:  # other packages' plans may name anything
        text = f"{trainer.__name__} cannot be built from these plans: {type(error).__name__}: {error}"
        step = f"nnUNetv2_plan_experiment -d {dataset}, or give other plans with -p"
        return Check("network", False, text, step)
    millions = sum(weight.numel() for weight in network.parameters()) / 1e6
    unet = configuration.network_arch_class_name.rpartition(".")[2]
    return Check(
        "network", True, f"{trainer.network_name} on the planned {unet}, {millions:.3g} million parameters"
    )

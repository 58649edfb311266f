"""Checks a data set for a slice-attention trainer: slice axis, spacing, slabs and context in mm."""

import os
from pathlib import Path

import torch
from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from ..dataset_files import read_description
from ..networks.imagenet_encoder import weights_file
from ..plans.plans_file import how_to_make_again
from ..plans.slabs import SLAB_RULES, slab_plan
from ..plans.slice_directions import slice_directions
from .case_check import check_cases
from .check import Check
from .damage_check import check_damage
from .direction_check import check_axis, check_order
from .extent_check import check_extents
from .header_check import check_headers
from .label_check import check_label_values
from .plans_check import CONFIGURATION, check_plans
from .spacing_check import check_baselines, check_depth, check_spacing


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
    checks = [name_check]
    if raw_folder:
        for check in (check_headers, check_damage, check_label_values):
            checks += check(raw_folder, dataset)
    plans_check, plans = check_plans(Path(preprocessed, name), dataset, plans_name)
    if plans is None:
        return [*checks, plans_check]
    data = Path(preprocessed, name, PlansManager(plans).get_configuration(CONFIGURATION).data_identifier)
    checks += [plans_check, *check_cases(raw_folder, data.parent, data, dataset)]
    slabs = check_slabs(plans, trainer)
    if not slabs.ok:
        return [*checks, slabs]
    network = check_network(plans, dataset, trainer, data.parent)
    directions = slice_directions(data, plans["transpose_forward"])
    return [
        *checks,
        check_axis(plans, directions),
        *check_order(directions, trainer),
        check_spacing(plans, dataset, plans_name, trainer),
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
    slices = number * depth if SLAB_RULES[trainer.sampling].learning.context_grad else number
    if number > 1 or slices <= planned:
        return Check("slabs", True, text)
    text += f"; a training step uses {slices} slices, but nnU-Net planned {planned} for the GPU memory"
    return Check(
        "slabs",
        True,
        text,
        "If it runs out of memory, remove the suffix for the slabs, or use fewer slices, e.g. _3slices.",
    )


def check_network(plans: dict, dataset: str | int, trainer: type, folder: Path) -> Check:
    """Build the network as training does, on the meta device, with one channel and two classes.

    Args:
        folder: of the preprocessed data set.
    """
    manager = PlansManager(plans)
    configuration = manager.get_configuration(CONFIGURATION)
    try:
        with torch.device("meta"):
            network = trainer.build_network_architecture(manager, configuration, 1, 2)
    except Exception as error:  # other packages' plans may name anything
        text = f"{trainer.__name__} cannot be built from these plans: {type(error).__name__}: {error}"
        again = how_to_make_again(dataset, plans["plans_name"], plans)
        step = f"Do what that says, or give other plans with -p; to make these again: {again}"
        return Check("network", False, text, step)
    try:
        labels = manager.get_label_manager(read_description(folder / "dataset.json"))
        trainer.check_trainable(network, configuration, labels)
        if trainer.backbone:
            weights_file(trainer.backbone)  # training loads them when it starts
    except (ValueError, OSError) as error:
        return Check("network", False, str(error), "Training refuses to start as long as that is so.")
    millions = sum(weight.numel() for weight in network.parameters()) / 1e6
    unet = configuration.network_arch_class_name.rpartition(".")[2]
    return Check(
        "network", True, f"{trainer.network_name} on the planned {unet}, {millions:.3g} million parameters"
    )

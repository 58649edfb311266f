"""Compact plans for small machines: the same preprocessed data, half the width, a small patch.

They make training without a GPU practical: `nnUNetv2_train 27 2d 0 -tr nnUNetTrainerCSANet -p nnUNetCompactPlans`.
"""

import math
import re
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from types import MappingProxyType

from batchgenerators.utilities.file_and_folder_operations import save_json
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from ..dataset_files import read_plans
from ..files import read_json_or_empty, replacing, same_place
from ..networks.topology import SMALLEST_FEATURE_MAP, with_stages
from .plans_file import COMPACT_PLANS, STOCK_PLANS, plans_file
from .shared_data import MADE_FROM

CONFIGURATIONS = ("2d", "3d_fullres")
MAX_IN_PLANE = 128  # voxels
MAX_FEATURES = 256
CONVS = {"n_conv_per_stage", "n_blocks_per_stage", "n_conv_per_stage_decoder"}
NO_BATCH_SIZES: Mapping[str, int | None] = MappingProxyType({})  # from VOXELS_PER_BATCH
VOXELS_PER_BATCH = {2: 6 * 128 * 128, 3: 2 * 8 * 128 * 128}


def compact_configuration(
    configuration: dict,
    batch_size: int | None = None,
    max_in_plane: int = MAX_IN_PLANE,
    max_features: int = MAX_FEATURES,
    max_convs: int | None = None,
) -> dict:
    """A configuration with fewer features, a small in-plane patch and a matching batch size.

    Args:
        configuration: nnU-Net's `2d` or `3d_fullres` configuration.
        batch_size: patches per batch; default as many as fill 6 x 128 x 128 voxels in 2D, 2 x 8 x 128 x 128 in 3D.
        max_in_plane: maximum in-plane patch size in voxels; a multiple of 32, so that it can be pooled.
        max_features: maximum channels of a stage; each stage has half of the planned channels or fewer.
        max_convs: maximum convolutions, or residual blocks, per stage; default as planned.
    """
    config = deepcopy(configuration)
    patch = [*config["patch_size"][:-2], *(min(max_in_plane, p) for p in config["patch_size"][-2:])]
    arch = config["architecture"]["arch_kwargs"]
    n_stages = _stages_that_fit(patch, arch["strides"], config["patch_size"])
    arch = with_stages(arch, n_stages)
    arch["features_per_stage"] = [min(max_features, f // 2) for f in arch["features_per_stage"]]
    for key in CONVS.intersection(arch) if max_convs else ():
        arch[key] = [min(max_convs, n) for n in arch[key]]
    config["architecture"]["arch_kwargs"] = arch

    batch = batch_size or max(2, round(VOXELS_PER_BATCH[len(patch)] / math.prod(patch)))
    return config | {"patch_size": patch, "batch_size": min(config["batch_size"], batch)}


def _stages_that_fit(patch: list[int], strides: list[list[int]], stock_patch: list[int]) -> int:
    """Number of stages that keep every axis at 4 voxels or more, or at as many as the stock plans do."""
    total = [1] * len(patch)
    for stage, stride in enumerate(strides):
        total = [t * s for t, s in zip(total, stride, strict=True)]
        too_small = [
            p // t < min(SMALLEST_FEATURE_MAP, stock // t)
            for p, t, stock in zip(patch, total, stock_patch, strict=True)
        ]
        if any(too_small):
            return max(2, stage)
    return len(strides)


def compact_plans(
    plans: dict,
    plans_name: str = COMPACT_PLANS,
    batch_sizes: Mapping[str, int | None] = NO_BATCH_SIZES,
    max_in_plane: int = MAX_IN_PLANE,
    max_features: int = MAX_FEATURES,
    max_convs: int | None = None,
) -> dict:
    """Compact plans for `2d` and `3d_fullres` from nnU-Net's, for the same preprocessed data.

    `batch_sizes` per configuration: slices per batch for `2d`, patches per batch for `3d_fullres`.
    """
    manager = PlansManager(plans)
    present = [name for name in CONFIGURATIONS if name in plans["configurations"]]
    configurations = {
        name: compact_configuration(
            manager.get_configuration(name).configuration,
            batch_sizes.get(name),
            max_in_plane,
            max_features,
            max_convs,
        )
        for name in present
    }
    made_from = plans.get(MADE_FROM, plans["plans_name"])
    return deepcopy(plans) | {
        "plans_name": plans_name,
        MADE_FROM: made_from,
        "configurations": configurations,
    }


def write_compact_plans(
    dataset_name_or_id: str | int,
    plans_name: str = STOCK_PLANS,
    out_name: str = COMPACT_PLANS,
    batch_sizes: Mapping[str, int | None] = NO_BATCH_SIZES,
    max_in_plane: int = MAX_IN_PLANE,
    max_features: int = MAX_FEATURES,
    max_convs: int | None = None,
) -> Path:
    """Write `out_name`.json next to `plans_name`.json of a planned data set and return its path.

    Sizes are those of `compact_configuration`; `batch_sizes` as in `compact_plans`.

    Raises:
        FileNotFoundError: the data set has not been planned.
        ValueError: the output would overwrite the input or a file that is not of compact plans, its name cannot be
            that of plans, or a size is too small.
    """
    for name, batch_size in batch_sizes.items():
        if batch_size is not None and batch_size < 2:
            raise ValueError(
                f"batch size {batch_size} of {name} is too small: nnU-Net needs at least 2 slices or patches per batch."
            )
    if max_in_plane < 32 or max_in_plane % 32:
        raise ValueError(
            f"in-plane patch size {max_in_plane} cannot be pooled. Choose a multiple of 32, at least 32."
        )
    if max_features < 32 or max_features % 32:
        raise ValueError(
            f"{max_features} features are too few or not divisible by the attention heads. "
            "Choose a multiple of 32, at least 32."
        )
    if max_convs is not None and max_convs < 1:
        raise ValueError(
            f"{max_convs} convolutions per stage are too few. Give --convs 1 or more, or omit it."
        )
    source = plans_file(dataset_name_or_id, plans_name)
    target = _target(source, out_name)
    plans = compact_plans(read_plans(source), out_name, batch_sizes, max_in_plane, max_features, max_convs)
    with replacing(target) as partial:
        save_json(plans, str(partial), sort_keys=False)
    return target


def _target(source: Path, name: str) -> Path:
    """`name`.json next to the plans `source`; raise ValueError if it may not be written."""
    # nnU-Net separates trainer, plans and configuration in the names of models' folders by two underscores.
    if not re.fullmatch(r"[^/\\:]+", name) or name.startswith(".") or "__" in f"_{name}_":
        raise ValueError(
            f"-o {name!r} cannot be the name of plans: it may not contain '__', '/', '\\' or ':', begin with '.' or "
            "'_', or end with '_'. Choose another name, such as nnUNetCompactPlans."
        )
    target = source.with_name(f"{name}.json")
    if same_place(target, source):
        raise ValueError(f"-o {name} would overwrite the input plans. Choose another name.")
    if target.exists() and MADE_FROM not in read_json_or_empty(target):
        earlier = ", or remove that file if version 0.1.0 wrote it" if name == COMPACT_PLANS else ""
        raise ValueError(
            f"-o {name} would overwrite {target}, which plan-compact has not written. Choose another name{earlier}."
        )
    return target

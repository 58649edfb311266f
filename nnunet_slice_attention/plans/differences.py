"""Which entries of plans and `dataset.json` decide a result, and the first in which two of them differ."""

import json
from collections.abc import Mapping

from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from .slice_spacing import REFERENCE_SPACING

# For predictions, besides the configuration.
DECISIVE_PLANS = (
    "transpose_forward", "transpose_backward", "image_reader_writer", "label_manager", REFERENCE_SPACING,
)  # fmt: skip
INTENSITIES = "foreground_intensity_properties_per_channel"
WITHOUT_INTENSITIES = {
    "ZScoreNormalization",
    "NoNormalization",
    "RescaleTo01Normalization",
    "RGBTo01Normalization",
}
INDECISIVE = (
    "batch_size", "batch_dice", "data_identifier", "median_image_size_in_voxels", "resampling_fn_probabilities",
    "resampling_fn_probabilities_kwargs",
)  # fmt: skip
FOR_TRAINING = ("batch_size", "batch_dice")
PREPROCESSING = (
    "preprocessor_name", "spacing", "normalization_schemes", "use_mask_for_norm", "resampling_fn_data",
    "resampling_fn_data_kwargs", "resampling_fn_seg", "resampling_fn_seg_kwargs",
)  # fmt: skip


def decisive_plans(plans: Mapping, configuration: str) -> dict:
    """What predictions with trained weights depend on."""
    resolved = PlansManager(plans).get_configuration(configuration).configuration
    found = {key: plans.get(key) for key in DECISIVE_PLANS}
    found |= {key: value for key, value in resolved.items() if key not in INDECISIVE}
    return found | _intensities(plans, resolved)


def training_plans(plans: Mapping, configuration: str) -> dict:
    """What makes two trainings the same, without the depth of 2D patches, which only prediction on slabs uses."""
    resolved = PlansManager(plans).get_configuration(configuration).configuration
    found = decisive_plans(plans, configuration) | {
        key: resolved[key] for key in FOR_TRAINING if key in resolved
    }
    if len(resolved["spacing"]) == 2:
        found["patch_size"] = [int(size) for size in resolved["patch_size"][-2:]]
    return found


def preprocessing_plans(plans: Mapping, configuration: str) -> dict:
    """What preprocessed data depend on."""
    resolved = PlansManager(plans).get_configuration(configuration).configuration
    found = {key: plans.get(key) for key in ("transpose_forward", "image_reader_writer")}
    return found | {key: resolved.get(key) for key in PREPROCESSING} | _intensities(plans, resolved)


def _intensities(plans: Mapping, resolved: Mapping) -> dict:
    if set(resolved["normalization_schemes"]) <= WITHOUT_INTENSITIES:
        return {}
    return {INTENSITIES: plans.get(INTENSITIES)}


def decisive_descriptions(*descriptions: Mapping) -> list[dict]:
    """Of several `dataset.json`, what models depend on: channels and labels, see `decisive_labels`."""
    return [
        {"number of channels": len(entries.get("modality") or entries.get("channel_names", {})), **labels}
        for entries, labels in zip(descriptions, decisive_labels(*descriptions), strict=True)
    ]


def decisive_labels(*descriptions: Mapping) -> list[dict]:
    """Of several `dataset.json`, what the voxels of a segmentation mean.

    Renaming labels is allowed, changing their values is not: values are compared by name if the names are equal.
    """
    all_labels = [entries["labels"] for entries in descriptions]
    renamed = len({frozenset(labels) for labels in all_labels}) > 1
    return [
        {
            "labels": _values(labels, entries) if renamed else labels,
            "order of the labels": list(labels) if "regions_class_order" in entries and not renamed else None,
            "regions_class_order": entries.get("regions_class_order"),
        }
        for entries, labels in zip(descriptions, all_labels, strict=True)
    ]


def _values(labels: Mapping, entries: Mapping) -> list[str]:
    """In their order if they are regions, for which it has a meaning."""
    values = list(map(str, labels.values()))
    return values if "regions_class_order" in entries else sorted(values)


def first_difference(one: object, other: object, name: str = "") -> tuple[str, object, object] | None:
    """(entry, value in `one`, value in `other`) of the first difference of two JSON values; None if they are equal."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        equal = one == other or json.dumps(one) == json.dumps(other)  # 1 equals 1.0, NaN equals NaN
        return None if equal else (name, one, other)
    inner = (
        first_difference(one.get(key), other.get(key), f"{name}.{key}".lstrip(".")) for key in one | other
    )
    return next(filter(None, inner), None)

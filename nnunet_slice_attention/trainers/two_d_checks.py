"""Checks that a trained 2D model can be fine-tuned: same task, and not trained on the current validation cases."""

import json
from collections.abc import Sequence
from typing import Any

from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from ..fold_split import validate_again
from ..fold_validation import listed_predictions, older_than_weights
from ..messages import first_few
from ..networks.topology import find_unet_class
from .checkpoint import Checkpoint
from .two_d_model import TwoDModel

CT = "CTNormalization"  # the scheme that uses the data set's intensities
CT_USES = ("mean", "std", "percentile_00_5", "percentile_99_5")
NOTHING = "none"


def check_same_task(model: TwoDModel, checkpoint: Checkpoint, plans: dict, dataset_json: dict) -> None:
    """Raise ValueError if the weights were trained for other images, labels or layers."""
    configuration = model.name.configuration
    trained = task_description(checkpoint.plans, checkpoint.configuration, checkpoint.dataset_json)
    current = task_description(plans, configuration, dataset_json)
    differences = [
        f"{key} was {trained.get(key, NOTHING)}, now it is {current.get(key, NOTHING)}"
        for key in current | trained
        if not _same(key, current.get(key, NOTHING), trained.get(key, NOTHING))
    ]
    if differences:
        raise ValueError(
            f"the 2D model {checkpoint.path} does not fit the current plans and dataset.json: "
            f"{'; '.join(differences)}. Train it again: {model.command()}"
        )


def _same(key: str, current: Any, trained: Any) -> bool:
    """The architecture is compared by class, which may have moved to another module."""
    return current == trained or (
        key == "architecture" and find_unet_class(current) is find_unet_class(trained)
    )


def task_description(plans: dict, configuration: str, dataset_json: dict) -> dict[str, Any]:
    """What a 2D network's weights depend on, as JSON values."""
    manager = PlansManager(plans)
    config = manager.get_configuration(configuration)
    labels, regions = dataset_json["labels"], dataset_json.get("regions_class_order")
    facts = {
        "architecture": config.network_arch_class_name,
        **config.network_arch_init_kwargs,
        "channel_names": dataset_json.get("channel_names", dataset_json.get("modality")),
        # Regions are segmented in the order of dataset.json, labels in the order of their values.
        "labels": list(labels.items()) if regions else labels,
        "regions_class_order": regions,
        "transpose_forward": manager.transpose_forward,
        "spacing": config.spacing,
        "normalization_schemes": config.normalization_schemes,
        "use_mask_for_norm": config.use_mask_for_norm,
    }
    for channel, scheme in enumerate(config.normalization_schemes):
        if scheme == CT:
            intensities = manager.foreground_intensity_properties_per_channel[str(channel)]
            facts[f"intensities of channel {channel}"] = {key: intensities[key] for key in CT_USES}
    return json.loads(json.dumps(facts))


def check_unseen(model: TwoDModel, checkpoint: Checkpoint, validation: Sequence[str]) -> None:
    """Raise unless the 2D model was validated on all current validation cases, and so not trained on them.

    The number of the fold is not sufficient: the split can change between two runs. With fold "all" training and
    validation cases are the same, and nothing is checked.

    Raises:
        FileNotFoundError: it was not validated.
        ValueError: it was validated on other cases or with earlier weights, or its summary cannot be read.
    """
    if model.fold == "all":
        return
    again = validate_again(model.command("--val"))
    if not model.summary.is_file():
        raise FileNotFoundError(
            f"{model.summary} does not exist. It lists the validation cases of the 2D model, which it was not trained "
            f"on. {again}"
        )
    try:
        cases = json.loads(model.summary.read_text(encoding="utf-8"))["metric_per_case"]
        listed = listed_predictions(model.summary, cases)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{model.summary} cannot be read ({type(error).__name__}: {error}). {again}"
        ) from error
    older = older_than_weights(model.folder, listed)
    if model.summary in older:
        raise ValueError(
            f"{model.summary} is older than {model.checkpoint}, so it is of an earlier training, or was copied without "
            f"its date. {again}"
        )
    ending = checkpoint.dataset_json["file_ending"]
    validated = {name.removesuffix(ending) for name in set(listed) - {file.name for file in older}}
    if seen := sorted(set(validation) - validated):
        raise ValueError(
            f"{len(seen)} of the current {len(set(validation))} validation cases are not among the {len(validated)} on "
            f"which the 2D model {checkpoint.path} was validated: {first_few(seen)}. It may have been trained on them "
            f"(data leakage), which makes validation optimistic. Train it again on the current split: {model.command()}"
        )

"""Converts timm's ImageNet weights into a checkpoint for `nnUNetv2_train -pretrained_weights`."""

from pathlib import Path

import torch
from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from torch import nn

from ..dataset_files import read_description, read_plans
from ..files import check_file_writable, check_not_an_input, replacing
from ..networks.timm_weights import load_timm_weights, read_timm_weights
from ..plans.plans_file import plans_file
from .find_trainer import find_trainer


def write_pretrained_checkpoint(
    dataset: str | int,
    output: Path,
    trainer_name: str,
    plans_name: str,
    model: str,
    file: Path | None = None,
) -> int:
    """Build the trainer's 2D network for a data set, load timm's weights and save all weights, as nnU-Net requires.

    Parts that timm has no weights for, such as the decoder, are initialised from a fixed seed.

    Args:
        dataset: id or name of a planned data set.
        output: the checkpoint, replaced only by a complete one; its folder is created.
        trainer_name, plans_name: those that will be used for training.
        model, file: see `read_timm_weights`.

    Returns:
        number of tensors taken from timm.

    Raises:
        FileNotFoundError: the data set is not planned, or `file` does not exist.
        ValueError: `output` is `file` or cannot be written, the trainer does not exist, or the weights do not fit its
            network.
    """
    output = Path(output)
    check_not_an_input(output, [file])
    check_file_writable(output)
    plans_path = plans_file(dataset, plans_name)
    network = _network(plans_path, trainer_name)
    weights = read_timm_weights(model, file)
    filled = load_timm_weights(network, weights)
    output.parent.mkdir(parents=True, exist_ok=True)
    with replacing(output) as partial:
        torch.save({"network_weights": network.state_dict()}, partial)
    return len(filled)


def _network(plans_path: Path, trainer_name: str) -> nn.Module:
    plans = PlansManager(read_plans(plans_path))
    configuration = plans.get_configuration("2d")
    dataset_json = read_description(plans_path.parent / "dataset.json")
    trainer = find_trainer(trainer_name)
    torch.manual_seed(0)
    return trainer.build_network_architecture(
        plans,
        configuration,
        determine_num_input_channels(plans, configuration, dataset_json),
        plans.get_label_manager(dataset_json).num_segmentation_heads,
    )

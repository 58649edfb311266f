"""Whether weights for nnU-Net's -pretrained_weights fit a trainer, before nnU-Net loads them."""

from collections.abc import Mapping
from pathlib import Path

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from torch import Tensor

from ..messages import first_few, in_one_line
from ..model_name import FINAL
from ..networks.compiled import uncompiled
from ..networks.two_d_weights import added_parameters
from .from_2d import nnUNetTrainerFrom2D
from .two_d_first import nnUNetTrainer2DFirst

NOT_LOADED = ".seg_layers."  # in the names of weights that nnU-Net leaves as they are
ANOTHER = "Give weights of the same network, or run the model in a call without -pretrained_weights."


def read_pretrained_weights(path: Path) -> Mapping[str, Tensor]:
    """The network weights of a checkpoint; raise ValueError if it is none."""
    try:
        # Unrestricted, as nnU-Net loads it when training starts.
        return dict(torch.load(path, map_location="cpu", weights_only=False)["network_weights"])
    except Exception as error:  # PyTorch can raise anything on another file
        raise ValueError(
            f"-pretrained_weights {path} is no checkpoint of nnU-Net ({type(error).__name__}: {in_one_line(error)}). "
            f"Give a {FINAL}, or a file that import-weights has written."
        ) from error


def check_pretrained_weights(trainer: nnUNetTrainer, weights: Mapping[str, Tensor], path: Path) -> None:
    """Raise ValueError if training with these weights would fail.

    Args:
        trainer: initialised.
        weights: see `read_pretrained_weights`.
        path: where they are from.
    """
    name = type(trainer).__name__
    if isinstance(trainer, nnUNetTrainerFrom2D):
        raise ValueError(
            f"-pretrained_weights and {name} both set the initial weights. Omit -pretrained_weights, or run the model "
            "in a call without it."
        )
    network = uncompiled(trainer.network)
    if isinstance(trainer, nnUNetTrainer2DFirst) and trainer.join_epoch > 0:
        added = set(map(id, added_parameters(network)))
        if found := [key for key, p in network.named_parameters() if id(p) in added and key in weights]:
            raise ValueError(
                f"-pretrained_weights {path} also has weights that {name} adds to the 2D network ({first_few(found)}). "
                "The first phase does not use them, so they would disturb the network when they join it. Give the "
                "trainer with the suffix _FromScratch, or run the model in a call without -pretrained_weights."
            )
    needed = {key: value.shape for key, value in network.state_dict().items() if NOT_LOADED not in key}
    if missing := [key for key in needed if key not in weights]:
        raise ValueError(
            f"-pretrained_weights {path} lacks weights of {name}: {first_few(missing)}. {ANOTHER}"
        )
    other = [
        f"{key} {tuple(weights[key].shape)}, expected {tuple(shape)}"
        for key, shape in needed.items()
        if weights[key].shape != shape
    ]
    if other:
        raise ValueError(
            f"-pretrained_weights {path} has weights of another shape than {name}: {first_few(other, '; ')}. They are "
            f"of other plans, channels or labels. {ANOTHER}"
        )

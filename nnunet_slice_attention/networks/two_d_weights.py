"""The plan's 2D network inside a slab network: which weights are its, and how those of a trained one are taken over.

A network with `zero_start` computes exactly what these weights make of each slice alone. Inflated with zeros where
neighbours enter as channels, as Zhang et al. 2022 inflate 2D weights to 3D.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from .slab_network import SlabNetwork


def added_parameters(network: "SlabNetwork") -> list[nn.Parameter]:
    """Of the modules that the plan's 2D network has not."""
    return [
        p for name, p in network.named_parameters() if name.partition(".")[0] not in network.two_d_modules
    ]


def zero_image_neighbours(network: "SlabNetwork") -> None:
    """Zero what the first convolution makes of all slices of an image but its centre."""
    _, first = _first_convolution(network)
    with torch.no_grad():
        first.weight.copy_(_inflate(_centre_weight(first.weight, network), network))


def load_2d_weights(network: "SlabNetwork", weights: Mapping[str, Tensor]) -> None:
    """Fill encoder and decoder from nnU-Net's own 2D network for the same plans; what is added stays as it is.

    Args:
        network: with `zero_start`, or its logits will not be the 2D network's.
        weights: the state dict of nnU-Net's network, as its checkpoints hold it under "network_weights".

    Raises:
        ValueError: a weight is missing or has another shape: other plans, channels or labels.
    """
    first, _ = _first_convolution(network)
    state = {}
    for name, own in network.state_dict().items():
        if name.partition(".")[0] not in network.two_d_modules:
            continue
        there = network.name_in_2d(name)
        found = weights.get(there)
        if found is not None and name == first:
            found = _inflate(found, network)
        if found is None or found.shape != own.shape:
            has = "none" if found is None else f"one of shape {tuple(found.shape)}"
            raise ValueError(
                f"the network needs a weight {there} of shape {tuple(own.shape)}, the 2D model has {has}: it is of "
                "other plans, channels or labels. Train nnU-Net 2D with today's plans."
            )
        state[name] = found
    network.load_state_dict(state, strict=False)


def _first_convolution(network: "SlabNetwork") -> tuple[str, nn.Conv2d]:
    """Name of the weight, and the convolution that sees the image."""
    for name, module in network.encoder.named_modules(prefix="encoder"):
        if isinstance(module, nn.Conv2d):
            return f"{name}.weight", module
    raise TypeError(f"{type(network).__name__} has no convolution in its encoder.")


def _centre_weight(weight: Tensor, network: "SlabNetwork") -> Tensor:
    """(out, n*C, kh, kw) -> (out, C, kh, kw), of the middle of n slices."""
    first = network.slices_per_image // 2 * network.in_channels
    return weight[:, first : first + network.in_channels]


def _inflate(weight: Tensor, network: "SlabNetwork") -> Tensor:
    """(out, C, kh, kw) -> (out, n*C, kh, kw), zeros for all slices but the middle one."""
    nothing = torch.zeros_like(weight)
    slices = [nothing] * network.slices_per_image
    slices[network.slices_per_image // 2] = weight
    return torch.cat(slices, dim=1)

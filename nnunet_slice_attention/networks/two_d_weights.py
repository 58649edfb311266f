"""The planned 2D network inside a slab network: which weights belong to it, and how to load those of a trained one.

A network with `zero_start` computes exactly what these weights compute for each slice alone. Where neighbours enter as
channels, weights are inflated with zeros, as Zhang et al. (arXiv 2302.04303) inflate 2D weights to 3D.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from .slab_network import SlabNetwork


def added_parameters(network: "SlabNetwork") -> list[nn.Parameter]:
    """Parameters that the planned 2D network does not have; without `slice_position`, which needs no neighbours."""
    without = (*network.two_d_modules, "slice_position")
    return [p for name, p in network.named_parameters() if name.partition(".")[0] not in without]


def weights_checksum(parameters: Iterable[Tensor]) -> str:
    """SHA-256 of the values, in order."""
    checksum = hashlib.sha256()
    for weight in parameters:
        checksum.update(weight.detach().cpu().numpy().tobytes())
    return checksum.hexdigest()


def zero_image_neighbours(network: "SlabNetwork") -> None:
    """Zero the first convolution's weights for all slices of an image but the centre."""
    _, first = _first_convolution(network)
    with torch.no_grad():
        first.weight.copy_(inflate(_centre_weight(first.weight, network), network))


def load_2d_weights(network: "SlabNetwork", weights: Mapping[str, Tensor]) -> None:
    """Load encoder and decoder from nnU-Net's own 2D network for the same plans; added weights are kept.

    Args:
        network: with `zero_start`, or its logits will not be the 2D network's.
        weights: the state dict of nnU-Net's network, "network_weights" in its checkpoints.

    Raises:
        ValueError: a weight is missing or has another shape, because of other plans, channels or labels.
    """
    first, _ = _first_convolution(network)
    state = {}
    for name, own in network.state_dict().items():
        if name.partition(".")[0] not in network.two_d_modules:
            continue
        stock_name = network.name_in_2d(name)
        found = weights.get(stock_name)
        if found is not None and name == first:
            found = inflate(found, network)
        if found is None or found.shape != own.shape:
            has = "none" if found is None else f"one of shape {tuple(found.shape)}"
            raise ValueError(
                f"the network needs a weight {stock_name} of shape {tuple(own.shape)}, the 2D model has {has}: it was "
                "trained with other plans, channels or labels. Train nnU-Net 2D with the current plans."
            )
        state[name] = found
    network.load_state_dict(state, strict=False)


def _first_convolution(network: "SlabNetwork") -> tuple[str, nn.Conv2d]:
    """The encoder's first convolution, and the name of its weight."""
    for name, module in network.encoder.named_modules(prefix="encoder"):
        if isinstance(module, nn.Conv2d):
            return f"{name}.weight", module
    raise TypeError(f"{type(network).__name__} has no convolution in its encoder.")


def _centre_weight(weight: Tensor, network: "SlabNetwork") -> Tensor:
    """(out, n*C, kh, kw) -> (out, C, kh, kw), for the middle of n slices."""
    first = network.slices_per_image // 2 * network.in_channels
    return weight[:, first : first + network.in_channels]


def inflate(weight: Tensor, network: "SlabNetwork") -> Tensor:
    """(out, C, kh, kw) -> (out, n*C, kh, kw), zeros for all slices but the middle one."""
    slices = [torch.zeros_like(weight)] * network.slices_per_image
    slices[network.slices_per_image // 2] = weight
    return torch.cat(slices, dim=1)

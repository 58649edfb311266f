"""A network's weights as safetensors, which contain numbers only; a `.pth` file can contain code."""

from collections.abc import Hashable, Mapping

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

State = Mapping[str, torch.Tensor]


def to_safetensors(state: State) -> bytes:
    """Encode a state dict; tensors with several names, as U-Nets have in encoder and decoder, are stored once."""
    first = [names[0] for names in _same_tensors(state)]
    return save(
        {name: state[name].detach().cpu().clone(memory_format=torch.contiguous_format) for name in first}
    )


def from_safetensors(content: bytes, network: nn.Module) -> dict[str, torch.Tensor]:
    """The state dict of `network` that `to_safetensors` encoded.

    Raises:
        ValueError: the content is not in safetensors format, or belongs to another network.
    """
    try:
        stored = load(content)
    except SafetensorError as error:
        raise ValueError(
            f"the weights are not in safetensors format: {error}. Export the bundle again."
        ) from error
    wanted, state = network.state_dict(), {}
    for names in _same_tensors(wanted):
        found = next((stored[name] for name in names if name in stored), None)
        if found is None or found.shape != wanted[names[0]].shape:
            shape = None if found is None else tuple(found.shape)
            raise ValueError(
                f"the network has {names[0]} of shape {tuple(wanted[names[0]].shape)}, the bundle {shape}: it belongs "
                "to another network. Export it again with this version of the package."
            )
        state |= dict.fromkeys(names, found)
    if extra := sorted(set(stored) - set(state)):
        raise ValueError(
            f"the bundle has weights that the network lacks: {', '.join(extra[:5])}. Export it again with this version "
            "of the package."
        )
    return state


def _same_tensors(state: State) -> list[list[str]]:
    """Groups of names that share one tensor."""
    groups: dict[Hashable, list[str]] = {}
    for name, tensor in state.items():
        own = (tensor.data_ptr(), tensor.shape, tensor.stride()) if tensor.numel() else name
        groups.setdefault(own, []).append(name)
    return list(groups.values())

"""A few logits of the exported network, in the bundle, which show whether another version builds the same network.

Names and shapes of weights do not: CSA-Net with four and with eight heads has the same.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet, ResidualEncoderUNet, ResidualUNet
from torch import Tensor, nn

from ..environment import commit, versions
from ..networks import DETECTORS, SlabNetwork
from ..networks.side_channel import append_side_channel

KNOWN = "known_logits"  # their entry in the manifest
VALUES = 64
GOLDEN = 0.6180339887  # its multiples spread evenly over an interval, in step with no size of an image
STRIDES = 2  # size of the input, in strides of the network: instance norm refuses features of one voxel
MOST_NEIGHBOURS = 2  # on each side, so that loading stays fast

# Of the largest value. Other CPUs and PyTorch versions add in another order: float32 and float64, which differ by more,
# are 1e-5 apart for the networks of this package. CSA-Net with eight heads is 0.3 away from itself with four.
TOLERANCE = 1e-3


@torch.inference_mode()
def known_logits(network: nn.Module, patch_size: Sequence[int], n_channels: int) -> list[float]:
    """Some of the logits of a fixed input, for a detector of what its heads compute before it selects instances.

    Args:
        network: on the CPU, in float32.
        patch_size: planned, in voxels.
        n_channels: of an image.
    """
    x = _fixed_input((1, n_channels, *_input_size(network.eval(), patch_size)))
    if isinstance(network, SlabNetwork) and network.side_channel:
        x = append_side_channel(x.transpose(1, 2), _side_values(x.shape[2])).transpose(1, 2)
    if isinstance(network, DETECTORS):
        outputs = network.head_outputs(x)
    else:
        logits = network(x)
        outputs = [logits] if isinstance(logits, Tensor) else logits
    each = -(-VALUES // len(outputs))
    return [float(f"{value:.7g}") for output in outputs for value in _some(output, each)]


def check_known_logits(
    manifest: Mapping, path: Path, network: nn.Module, patch_size: Sequence[int], n_channels: int
) -> None:
    """Raise ValueError if the network does not compute the logits noted at export; earlier versions noted none."""
    if KNOWN not in manifest:
        return
    noted = np.array(manifest[KNOWN], float)
    found = np.array(known_logits(network, patch_size, n_channels))
    largest = np.max(np.abs(noted), initial=0, where=np.isfinite(noted))
    if noted.shape == found.shape and np.allclose(found, noted, 0, TOLERANCE * largest, equal_nan=True):
        return
    raise ValueError(
        f"{path}: {manifest['trainer']} builds another network than the exported one, so predictions would be wrong. "
        f"Exported with {manifest['versions']}, commit {manifest['commit']}; installed are {versions()}, commit "
        f"{commit()}. Install the versions of the export, or use a model that was trained with yours."
    )


def _input_size(network: nn.Module, patch_size: Sequence[int]) -> tuple[int, ...]:
    """In voxels; small where any multiple of the stride is possible, the planned patch of other networks."""
    if isinstance(network, SlabNetwork):
        depth = 2 * min(network.context_radius, MOST_NEIGHBOURS) + 1
        return depth, *(STRIDES * stride for stride in network.total_stride)
    if isinstance(network, PlainConvUNet | ResidualEncoderUNet | ResidualUNet):
        return tuple((STRIDES * np.prod(network.encoder.strides, axis=0)).tolist())
    return tuple(patch_size)


def _fixed_input(shape: tuple[int, ...]) -> Tensor:
    """Triangular waves along all axes and a fine pattern, within 3 of 0, from integers: the same on every machine."""
    index = torch.arange(int(np.prod(shape))).view(shape)
    x = (index * 7919 % 1009).double() / 1009 - 0.5
    for axis, size in enumerate(shape[2:], start=2):
        place = torch.arange(size).view(-1, *[1] * (len(shape) - 1 - axis))
        x += (place - size // 3).abs().double() / size
    return x.float()


def _side_values(n_slices: int) -> Tensor:
    """(1, S), up to 1: positions in the volume, or the spacing of its slices."""
    return torch.linspace(0, 1, n_slices)[None]


def _some(output: Tensor, number: int) -> list[float]:
    flat = output.flatten()
    return [flat[int(len(flat) * (i * GOLDEN % 1))].item() for i in range(number)]

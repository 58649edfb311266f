"""Computes with fewer slices at a time, then in main memory, for as long as the GPU runs out of memory."""

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from nnunetv2.utilities.helpers import empty_cache

CPU = torch.device("cpu")
SLICES_AT_A_TIME = {"cuda": 64, "mps": 16, "cpu": 4}  # for up to 256 x 256 voxels, fewer for larger patches
Result = TypeVar("Result")


class OutOfMemoryFallback:
    """Calls functions of (slices per forward pass, device that collects results); remembers what worked.

    Args:
        device: of the network.
        patch: (H, W) in voxels.
        slices: per forward pass in the first attempt; by default as many as usual for device and patch.
        on_device: whether to try the network's device for the results too, before main memory.
    """

    def __init__(self, device: torch.device, patch: Sequence[int], slices: int | None, on_device: bool):
        self.device, self.patch = device, tuple(patch)
        default = SLICES_AT_A_TIME[device.type]
        slices = slices or min(default, max(1, default * 256**2 // math.prod(patch)))
        results_devices = [device, CPU] if on_device else [CPU]
        self.attempts = [
            (slices >> halvings, results_device)
            for results_device in results_devices
            for halvings in range(slices.bit_length())
        ]

    def __call__(self, compute: Callable[[int, torch.device], Result]) -> Result:
        """`compute` of the first attempt that does not run out of memory; those before are not made again.

        Raises:
            RuntimeError: out of memory for a single slice.
        """
        while self.attempts:
            try:
                return compute(*self.attempts[0])
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
            # After the except block: the error holds references to the allocated tensors.
            empty_cache(self.device)
            del self.attempts[0]
        raise RuntimeError(
            f"out of memory on {self.device} for a single slice of {self.patch} voxels. Free memory, or predict with "
            "-device cpu."
        )


def is_out_of_memory(error: RuntimeError) -> bool:
    """CUDA libraries report it as a plain RuntimeError, which only its message identifies."""
    return isinstance(error, torch.OutOfMemoryError) or any(
        reason in str(error) for reason in ("out of memory", "ALLOC_FAILED")
    )

"""Refuses logits that are not finite."""

import math

from torch import Tensor


def finite(logits: Tensor) -> Tensor:
    """The logits, unchanged; they would become an empty segmentation if they were NaN.

    Raises:
        RuntimeError: one is NaN or infinite.
    """
    if not all(map(math.isfinite, map(float, logits.aminmax()))):  # which needs no memory, unlike isfinite
        raise RuntimeError(
            "the network's output is NaN or infinite. Compare the image's values with those of the training images; "
            "if all images fail, the weights are damaged or the training diverged"
        )
    return logits

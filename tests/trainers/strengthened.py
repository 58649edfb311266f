"""Trained tiny models whose positions or neighbours have more effect than two training steps give them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch


def strengthen(model: Path, chosen: Callable[[str], bool], scale: float = 1.0) -> None:
    """Add noise to the weights of fold 0 whose name is `chosen`, of which none may be all zero."""
    path = model / "fold_0" / "checkpoint_final.pth"
    checkpoint = torch.load(path, weights_only=False)
    generator = torch.Generator().manual_seed(0)
    for name, weight in checkpoint["network_weights"].items():
        if chosen(name):
            assert weight.any()
            weight += scale * torch.randn(weight.shape, generator=generator)
    torch.save(checkpoint, path)


def probabilities(folder: Path) -> dict[str, np.ndarray]:
    """By case."""
    return {path.stem: np.load(path)["probabilities"] for path in sorted(folder.glob("*.npz"))}

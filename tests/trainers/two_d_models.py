"""Names of a 2D model of the tiny data set, and editing its checkpoint; the fixtures are in conftest.py."""

import os
from collections.abc import Callable
from pathlib import Path

import torch

TWO_D, OURS = "Tiny_nnUNetTrainer", "Tiny_nnUNetTrainerCSANet_From2D"
COMMAND = f"nnUNetv2_train 701 2d 0 -tr {TWO_D}"  # trains the 2D model


def model_folder(results: Path, trainer: str) -> Path:
    return results / "Dataset701_Tiny" / f"{trainer}__nnUNetPlans__2d"


def edit(checkpoint: Path, change: Callable[[dict], object]) -> None:
    """Change the content of a checkpoint in place; its validation stays newer."""
    before = checkpoint.stat()
    content = torch.load(checkpoint, weights_only=False)
    change(content)
    torch.save(content, checkpoint)
    os.utime(checkpoint, ns=(before.st_atime_ns, before.st_mtime_ns))

"""A tiny model, and calls of `predict` with it; the fixtures are in conftest.py."""

from pathlib import Path

import numpy as np

from nnunet_slice_attention.cli import main
from tests.tiny_data import read

TRAINER = "Tiny_nnUNetTrainerTSFMUNet_ShortSlabs"
MODEL = f"{TRAINER}__nnUNetPlans__2d"
IN_PROCESSES = "-npp", "1", "-nps", "1"
COMMON = "-device", "cpu", "-npp", "0", "-nps", "0", "--disable_progress_bar"  # without further processes


def predict(trained, out, *flags, images=None) -> int:
    """The model given by its names."""
    argv = ["predict", "-o", str(out), *COMMON, "-i", *map(str, images or [trained.images])]
    return main([*argv, "-d", trained.id, "-tr", TRAINER, *flags])


def predict_with(model: Path, out: Path, *images: Path, flags=()) -> int:
    """The model given by its folder; fold 0, without mirroring."""
    argv = ["predict", "-m", str(model), "-f", "0", "-i", *map(str, images), "-o", str(out)]
    return main([*argv, *COMMON, "--disable_tta", *flags])


def segmentation_of(model: Path, image: Path, folder: Path) -> np.ndarray:
    """Of an image that is predicted alone."""
    target = folder / f"expected_{image.name}.mha"
    assert predict_with(model, target, image) == 0
    return read(target)

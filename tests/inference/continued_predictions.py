"""Calls of `predict` that continue predictions of two cases, and what their folder contains."""

import json
from pathlib import Path

import torch

from nnunet_slice_attention.cli import main
from nnunet_slice_attention.environment import OURS
from nnunet_slice_attention.inference.prediction_record import NNUNET_RECORD
from tests.inference.tiny_model import COMMON

FINAL = "checkpoint_final.pth"
FAST = "--disable_tta"
CONTINUE = "--continue_prediction"
CASES = ["test_0.nii.gz", "test_5.nii.gz"]  # of 7 slices, and of 1


def predict(predicted, out: Path, *flags, model=None, images=None, folds=("0",)) -> int:
    """With the folder of `predicted` or another model."""
    argv = ["predict", "-m", str(model or predicted.folder), "-i", str(images or predicted.images), *COMMON]
    return main([*argv, "-o", str(out), "-f", *folds, *flags])


def change(checkpoint: Path, to: Path | None = None, **entries) -> None:
    """Other weights, as after further training, or other entries."""
    content = torch.load(checkpoint, weights_only=False)
    content |= entries
    if not entries:
        content["network_weights"] = {k: v + 1e-3 for k, v in content["network_weights"].items()}
    torch.save(content, to or checkpoint)


def record(folder: Path) -> dict:
    return json.loads((folder / NNUNET_RECORD).read_text())[OURS]


def segmentations(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.glob("*.nii.gz")}


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}

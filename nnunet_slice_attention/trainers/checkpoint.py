"""Reads an nnU-Net checkpoint without running code: PyTorch's `weights_only`, extended to NumPy scalars.

nnU-Net itself unpickles checkpoints without this restriction. Besides tensors, strings and plain numbers they contain
the losses and Dice scores of the training as NumPy scalars.
"""

import pickle
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

_scalar = np.float32(0).__reduce__()[0]
NUMPY_NUMBERS = [
    (_scalar, "numpy.core.multiarray.scalar"),  # written by NumPy 1
    (_scalar, "numpy._core.multiarray.scalar"),
    np.dtype,
    type(np.dtype(np.float32)),
    type(np.dtype(np.float64)),  # in NumPy 1, float32 times a Python float
]


@dataclass(frozen=True)
class Checkpoint:
    """Content of an nnU-Net checkpoint.

    Attributes:
        path: the file.
        trainer: name of the trainer that wrote it.
        epochs: number of trained epochs.
        plans, configuration, dataset_json: those used for training.
        weights: the network's state dict.
        mirrors: trained with mirroring.
    """

    path: Path
    trainer: str
    epochs: int
    plans: dict[str, Any]
    configuration: str
    dataset_json: dict[str, Any]
    weights: Mapping[str, torch.Tensor]
    mirrors: bool = True


def read_checkpoint(path: Path) -> Checkpoint:
    """Read an nnU-Net checkpoint; tensors are memory-mapped.

    Raises:
        ValueError: the file is damaged, contains code, or is not an nnU-Net checkpoint.
    """
    try:
        found = _load(path)
    except pickle.UnpicklingError as error:
        if name := re.search(r"GLOBAL (\S+)", str(error)):
            raise ValueError(
                f"{path} contains code ({name[1]}) that loading would run and that nnU-Net checkpoints do not need. It "
                "was not loaded."
            ) from error
        raise _damaged(path, error) from error
    except Exception as error:  # PyTorch and NumPy can raise anything on a damaged file
        raise _damaged(path, error) from error
    try:
        made_with = found["init_args"]
        return Checkpoint(
            path,
            str(found["trainer_name"]),
            int(found["current_epoch"]),
            dict(made_with["plans"]),
            str(made_with["configuration"]),
            dict(made_with["dataset_json"]),
            dict(found["network_weights"]),
            bool(found.get("inference_allowed_mirroring_axes", True)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not an nnU-Net checkpoint ({type(error).__name__}: {error}).") from error


def _load(path: Path) -> Any:
    if not zipfile.is_zipfile(path):
        raise zipfile.BadZipFile("not a zip file, as checkpoints are, or truncated")
    with torch.serialization.safe_globals(NUMPY_NUMBERS):
        return torch.load(path, map_location="cpu", mmap=True, weights_only=True)


def _damaged(path: Path, error: Exception) -> ValueError:
    first_line = (str(error).splitlines() or [""])[0]
    return ValueError(
        f"{path} is damaged ({type(error).__name__}: {first_line}). Copy it again if you have an intact copy."
    )

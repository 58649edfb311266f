"""An nnU-Net checkpoint read without running code: PyTorch's `weights_only`, and NumPy's numbers.

nnU-Net itself unpickles checkpoints without this restriction. Its own hold, beside tensors, text and plain numbers,
the losses and Dice scores of the training as scalars of NumPy.
"""

import hashlib
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
    type(np.dtype(np.float64)),  # what NumPy 1 makes of float32 times a Python float
]


@dataclass(frozen=True)
class Checkpoint:
    """What a finished training left behind.

    Attributes:
        path: of the file.
        trainer: that wrote it.
        epochs: of the training.
        plans, configuration, dataset_json: that it was made with.
        weights: the network's state dict.
    """

    path: Path
    trainer: str
    epochs: int
    plans: dict[str, Any]
    configuration: str
    dataset_json: dict[str, Any]
    weights: Mapping[str, torch.Tensor]


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint of nnU-Net's; tensors stay on disk until they are used.

    Raises:
        ValueError: the file is damaged, holds code, or is no checkpoint of nnU-Net's.
    """
    try:
        found = _load(path)
    except pickle.UnpicklingError as error:
        if name := re.search(r"GLOBAL (\S+)", str(error)):
            raise ValueError(
                f"{path} holds code ({name[1]}), which loading would run and no checkpoint of nnU-Net's needs. It is "
                "not loaded."
            ) from error
        raise _damaged(path, error) from error
    except Exception as error:  # a damaged file makes PyTorch and NumPy raise what they like
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
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is no checkpoint of nnU-Net's ({type(error).__name__}: {error})."
        ) from error


def sha256(path: Path) -> str:
    checksum = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            checksum.update(block)
    return checksum.hexdigest()


def _load(path: Path) -> Any:
    if not zipfile.is_zipfile(path):
        raise zipfile.BadZipFile("it is no zip file, as checkpoints are, or cut off")
    with torch.serialization.safe_globals(NUMPY_NUMBERS):
        return torch.load(path, map_location="cpu", mmap=True, weights_only=True)


def _damaged(path: Path, error: Exception) -> ValueError:
    first_line = (str(error).splitlines() or [""])[0]
    return ValueError(
        f"{path} is damaged ({type(error).__name__}: {first_line}). Copy it again if it is whole elsewhere."
    )

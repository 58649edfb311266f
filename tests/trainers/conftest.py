"""A finished 2D model, a run that starts from it, and trainers that users derive from ours."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_slice_attention.model_name import ModelName
from nnunet_slice_attention.trainers.find_trainer import find_trainer
from nnunet_slice_attention.trainers.two_d_model import TwoDModel
from tests.trainers.two_d_models import OURS, TWO_D, model_folder


@pytest.fixture(scope="session")
def trained_2d(train, nnunet_folders, tiny) -> Path:
    train(tiny, TWO_D)
    return model_folder(nnunet_folders / "results", TWO_D)


@pytest.fixture
def two_d(trained_2d, tmp_path, monkeypatch) -> TwoDModel:
    """A copy, the only model in nnUNet_results; batches are loaded in this process."""
    shutil.copytree(trained_2d, model_folder(tmp_path, TWO_D))
    monkeypatch.setenv("nnUNet_results", str(tmp_path))
    monkeypatch.setenv("nnUNet_n_proc_DA", "0")
    return TwoDModel(tmp_path / "Dataset701_Tiny", ModelName(TWO_D, "nnUNetPlans", "2d"), 0)


@pytest.fixture
def start(two_d, run_nnunet):
    """Start training, with further options of nnU-Net."""

    def run(*options: object) -> None:
        run_nnunet("nnUNetv2_train", 701, "2d", 0, "-tr", OURS, "-device", "cpu", *options)

    return run


@pytest.fixture
def subclass(nnunet_folders, tiny, monkeypatch):
    """Build a trainer of the tiny data set that has ours as a base class; batches are loaded in this process."""
    monkeypatch.setenv("nnUNet_n_proc_DA", "0")
    folder = nnunet_folders / "preprocessed" / tiny.folder

    def build(
        ours: str, before: Sequence[type] = (), after: Sequence[type] = (), **members: object
    ) -> nnUNetTrainer:
        plans, dataset = (
            json.loads((folder / f"{file}.json").read_text()) for file in ("nnUNetPlans", "dataset")
        )
        plans["continue_training"] = False  # set by nnUNetv2_train
        trainer = type("Subclass", (*before, find_trainer(ours), *after), members)
        return trainer(plans, "2d", 0, dataset, device=torch.device("cpu"))

    return build

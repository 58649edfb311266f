"""A finished 2D model, and a run that starts from it."""

import shutil
from pathlib import Path

import pytest

from nnunet_slice_attention.model_name import ModelName
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

"""Models to compare: two trained on the tiny data set, and folders of predictions."""

import shutil
from types import SimpleNamespace

import pytest

from nnunet_slice_attention.model_name import ModelName
from tests.comparison.prediction_folders import write_folders
from tests.comparison.run_folders import write_runs
from tests.comparison.tiff_models import MODELS, write_tiff_models
from tests.tiny_models import OURS, STOCK
from tests.tiny_tiff import DATASET


@pytest.fixture(scope="session")
def trained(train, nnunet_folders, tiny):
    """The results folder of the models `OURS` and `STOCK`."""
    for model in (OURS, STOCK):
        train(tiny, ModelName.parse(model).trainer)
    return nnunet_folders / "results" / tiny.folder


@pytest.fixture
def folders(tmp_path):
    write_folders(tmp_path)
    return tmp_path


@pytest.fixture
def runs(nnunet_folders, tmp_path, monkeypatch):
    """The root of three results folders, with their own preprocessed folder."""
    write_runs(tmp_path)
    monkeypatch.setattr(
        "nnunet_slice_attention.comparison.ground_truth.nnUNet_preprocessed", str(tmp_path / "preprocessed")
    )
    return tmp_path


@pytest.fixture(scope="session")
def tiff_models(tmp_path_factory):
    """The root of nnU-Net's folders of a data set of 3D TIFF; tests change copies only."""
    root = tmp_path_factory.mktemp("tiff")
    write_tiff_models(root)
    return root


@pytest.fixture
def tiff(tiff_models, tmp_path, monkeypatch):
    """A copy of them: `raw`, `preprocessed`, `truth`, `validation` and `out`."""
    for kind in ("raw", "preprocessed", "results"):
        shutil.copytree(tiff_models / kind, tmp_path / kind)
        monkeypatch.setenv(f"nnUNet_{kind}", str(tmp_path / kind))
    folders = {kind: tmp_path / kind / DATASET.folder for kind in ("raw", "preprocessed", "results")}
    truth = folders["preprocessed"] / "gt_segmentations"
    validation = folders["results"] / MODELS[1] / "fold_0" / "validation"
    return SimpleNamespace(**folders, truth=truth, validation=validation, out=tmp_path / "out")

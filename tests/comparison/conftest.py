"""Models to compare: two trained on the tiny data set, and folders of predictions."""

import pytest

from nnunet_slice_attention.model_name import ModelName
from tests.comparison.prediction_folders import write_folders
from tests.comparison.run_folders import write_runs
from tests.tiny_models import OURS, STOCK


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

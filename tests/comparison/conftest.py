"""Models to compare: two trained on the tiny data set, and folders of predictions."""

import pytest

from nnunet_slice_attention.model_name import ModelName
from tests.comparison.prediction_folders import write_folders
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

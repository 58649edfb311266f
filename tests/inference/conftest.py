"""The tiny model of most tests of `predict`, its predictions of two cases, and images of two patients."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

from tests.inference.continued_predictions import CASES, FAST
from tests.inference.continued_predictions import predict as predict_two_cases
from tests.inference.tiny_model import MODEL, TRAINER
from tests.tiny_data import draw_volume, write


@pytest.fixture(scope="session")
def model(train, nnunet_folders, tiny) -> Path:
    """The folder of the model, with fold 0 at least."""
    train(tiny, TRAINER)
    return nnunet_folders / "results" / tiny.folder / MODEL


@pytest.fixture(scope="session")
def trained(train, model, nnunet_folders, tiny) -> SimpleNamespace:
    """The model with folds 0 and 1, and images of two cases."""
    train(tiny, TRAINER, 0, 1)
    images = nnunet_folders / "raw" / tiny.folder / "imagesTs"
    return SimpleNamespace(folder=model, images=images, id=str(tiny.id))


@pytest.fixture(scope="session")
def predicted(trained, tmp_path_factory) -> SimpleNamespace:
    """`trained` with copies of two cases' images, and their predictions with fold 0; tests change copies only."""
    root = tmp_path_factory.mktemp("continued")
    (root / "images").mkdir()
    for name in CASES:
        shutil.copy(trained.images / name.replace(".nii", "_0000.nii"), root / "images")
    found = SimpleNamespace(
        folder=trained.folder, images=root / "images", predictions=root / "predictions", id=trained.id
    )
    assert predict_two_cases(found, found.predictions, FAST) == 0
    return found


@pytest.fixture
def out(predicted, tmp_path) -> Path:
    """A copy of the predictions."""
    return shutil.copytree(predicted.predictions, tmp_path / "out")


@pytest.fixture
def model_copy(model, tmp_path) -> Path:
    """A copy of the model's folder."""
    ignored = shutil.ignore_patterns("validation", "checkpoint_best.pth")
    return shutil.copytree(model, tmp_path / "copy" / model.name, ignore=ignored)


@pytest.fixture
def patients(tmp_path) -> SimpleNamespace:
    """Two valid images."""
    folder = tmp_path / "patients"
    folder.mkdir()
    found = SimpleNamespace(folder=folder)
    for name, depth in (("one", 4), ("two", 5)):
        image, _ = draw_volume(depth, depth, 1, False)
        setattr(found, name, folder / f"{name}.nii")
        write(image[0], getattr(found, name))
    return found


@pytest.fixture
def no_plans(monkeypatch):
    """Networks without plans, which `manual_initialization` needs for labels and slice spacing only."""

    def initialise(self, network, plans, configuration, parameters, dataset_json, trainer_name, axes):
        self.network, self.configuration_manager, self.allowed_mirroring_axes = network, configuration, axes
        self.plans_manager = plans

    monkeypatch.setattr(nnUNetPredictor, "manual_initialization", initialise)

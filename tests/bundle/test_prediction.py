"""A bundle predicts the same segmentations as its checkpoints, and loading it runs no code of others."""

import pickle

import numpy as np
import pytest
import torch

from nnunet_slice_attention.bundle.load import load_bundle
from tests.bundle.bundles import OURS, STOCK, export, predict
from tests.tiny_data import read


@pytest.mark.parametrize(("trainer", "name"), [(OURS, "b.zip"), (OURS, "b"), (STOCK, "b.zip")])
def test_a_bundle_predicts_as_its_checkpoints_do(trainer, name, trained, tiny, nnunet_folders, tmp_path):
    images = nnunet_folders / "raw" / tiny.folder / "imagesTs"
    bundle = export(tiny, tmp_path / name, trainer=trainer)
    assert predict(images, tmp_path / "checkpoint", "-d", str(tiny.id), "-tr", trainer) == 0
    assert predict(images, tmp_path / "bundle", "--bundle", str(bundle)) == 0
    made = sorted((tmp_path / "checkpoint").glob("*.nii.gz"))
    assert len(made) == len(list(images.iterdir()))
    for path in made:
        assert np.array_equal(read(path), read(tmp_path / "bundle" / path.name))
        stem = path.name.removesuffix(".nii.gz")
        ours, theirs = (
            np.load(tmp_path / kind / f"{stem}.npz")["probabilities"] for kind in ("bundle", "checkpoint")
        )
        assert np.array_equal(ours, theirs)


def test_loading_unpickles_nothing(trained, tiny, tmp_path, monkeypatch):
    bundle = export(tiny, tmp_path / "b.zip")

    def forbidden(*args, **kwargs):
        raise AssertionError("something was unpickled")

    for module, name in ((torch, "load"), (pickle, "load"), (pickle, "loads"), (pickle, "Unpickler")):
        monkeypatch.setattr(module, name, forbidden)
    assert len(load_bundle(bundle, "cpu").list_of_parameters) == 2

"""Trained tiny models, and bundles of them that must be refused."""

from pathlib import Path

import pytest

from tests.bundle.bundles import OURS, STOCK, predict


@pytest.fixture(scope="module")
def trained(train, nnunet_folders, tiny):
    train(tiny, OURS, 0, 1)
    train(tiny, STOCK, 0)
    return nnunet_folders / "results" / tiny.folder


@pytest.fixture
def refused(trained, tiny, tmp_path, nnunet_folders, capsys):
    """Check that `predict` refuses a bundle with a message, and writes nothing."""
    images = nnunet_folders / "raw" / tiny.folder / "imagesTs"

    def check(bundle: Path, said: str) -> None:
        assert predict(images, tmp_path / "out", "--bundle", str(bundle)) == 1
        assert said in capsys.readouterr().err
        assert not (tmp_path / "out").exists()

    return check

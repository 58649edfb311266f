"""A checkpoint and a bundle of version 0.2.0.dev0 load and give the same predictions.

They are from `Tiny_nnUNetTrainerSliceAttention`: two epochs on a synthetic image, 4 to 16 channels.
"""

from pathlib import Path

import numpy as np
import pytest

from nnunet_slice_attention.cli import main
from tests.tiny_data import read

MADE = Path(__file__).parent


@pytest.mark.parametrize(
    "model", [("-m", str(MADE / "model"), "-f", "0"), ("--bundle", str(MADE / "bundle.zip"))]
)
def test_predictions_are_unchanged(model, nnunet_folders, tmp_path):
    argv = ["predict", *model, "-i", str(MADE / "image_0000.nii.gz"), "-o", str(tmp_path / "x.nii.gz")]
    assert main([*argv, "-device", "cpu", "-npp", "0", "-nps", "0", "--save_probabilities"]) == 0
    now, then = read(tmp_path / "x.nii.gz"), read(MADE / "segmentation.nii.gz")
    assert now.shape == then.shape and np.mean(now != then) < 0.001  # another processor rounds differently
    now, then = (np.load(path)["probabilities"] for path in (tmp_path / "x.npz", MADE / "probabilities.npz"))
    np.testing.assert_allclose(now, then, atol=1e-4)

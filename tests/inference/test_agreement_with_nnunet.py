"""`predict` writes the files of `nnUNetv2_predict`, with almost the same segmentation."""

import numpy as np
import SimpleITK

from tests.inference.tiny_model import IN_PROCESSES, TRAINER, predict, predict_with
from tests.tiny_data import read

STOCK = "Tiny_nnUNetTrainer"


def test_the_same_files_and_almost_the_same_segmentation_as_nnunet(trained, run_nnunet, tmp_path):
    assert predict(trained, tmp_path / "ours", "-f", "0", "1", "--save_probabilities", *IN_PROCESSES) == 0
    run_nnunet(
        "nnUNetv2_predict", "-i", trained.images, "-o", tmp_path / "stock", "-d", trained.id, "-c", "2d", "-f", 0, 1,
        "-tr", TRAINER, "-device", "cpu", "-npp", 1, "-nps", 1, "--save_probabilities",
    )  # fmt: skip
    ours, stock = ({p.name for p in (tmp_path / kind).iterdir()} for kind in ("ours", "stock"))
    assert ours == stock
    cases = [name.removesuffix(".npz") for name in ours if name.endswith(".npz")]
    assert cases
    for case in cases:
        a, b = (np.load(tmp_path / kind / f"{case}.npz")["probabilities"] for kind in ("ours", "stock"))
        assert a.shape == b.shape
        assert np.abs(a - b).mean() < 0.002  # nnU-Net's windows overlap along the slices
        a, b = (read(tmp_path / kind / f"{case}.nii.gz") for kind in ("ours", "stock"))
        assert a.any() and (a == b).mean() > 0.99


def test_nnunets_own_model_predicts_2d_images_as_nnunet_does(
    train, run_nnunet, nnunet_folders, tiny, patients, tmp_path
):
    train(tiny, STOCK)
    images = tmp_path / "images"
    images.mkdir()
    flat = SimpleITK.GetImageFromArray(read(patients.one)[0])
    flat.SetSpacing((1.5, 1.5))
    SimpleITK.WriteImage(flat, str(images / "flat_0000.nii.gz"))
    model = nnunet_folders / "results" / tiny.folder / f"{STOCK}__nnUNetPlans__2d"
    assert predict_with(model, tmp_path / "ours", images) == 0
    run_nnunet(
        "nnUNetv2_predict", "-i", images, "-o", tmp_path / "stock", "-d", tiny.id, "-c", "2d", "-f", 0,
        "-tr", STOCK, "-device", "cpu", "-npp", 1, "-nps", 1, "--disable_tta",
    )  # fmt: skip
    ours, stock = (read(tmp_path / kind / "flat.nii.gz") for kind in ("ours", "stock"))
    assert ours.shape == (40, 36) and ours.any() and np.array_equal(ours, stock)

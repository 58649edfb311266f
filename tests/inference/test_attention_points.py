"""`predict --attention-point`: points are checked first, and maps lie in the image's own voxels."""

import nibabel
import numpy as np
import pytest
import SimpleITK
import torch

from nnunet_slice_attention.cli import main
from nnunet_slice_attention.inference.extra_outputs import ExtraOutputs
from nnunet_slice_attention.inference.predict import predict_files
from nnunet_slice_attention.inference.trained_model import load_predictor

TRAINER = "Tiny_nnUNetTrainerCSANet"


@pytest.fixture(scope="module")
def csa_net(train, nnunet_folders, tiny):
    train(tiny, TRAINER)
    return nnunet_folders / "results" / tiny.folder / f"{TRAINER}__nnUNetPlans__2d"


@pytest.fixture
def image(tmp_path):
    """A brain-like image, surrounded by zeros that nnU-Net crops, and of another spacing than the training images."""
    values = np.zeros((5, 70, 90), np.float32)
    values[:, 8:66, 20:84] = np.random.default_rng(0).normal(3, 1, (5, 58, 64)).clip(0.1)
    picture = SimpleITK.GetImageFromArray(values)
    picture.SetSpacing((0.7, 0.6, 6.0))
    picture.SetOrigin((5.0, -7.0, 11.0))
    path = tmp_path / "in" / "case_0000.nii.gz"
    path.parent.mkdir()
    SimpleITK.WriteImage(picture, str(path))
    return path


def predict(tiny, out, *flags, images):
    argv = ["predict", "-o", str(out), "-device", "cpu", "-npp", "0", "-nps", "0", "-f", "0", "--disable_tta"]
    return main([*argv, "-i", str(images), "-d", str(tiny.id), "-tr", TRAINER, *flags])


def test_a_map_lies_where_the_point_looks_in_the_images_own_voxels(csa_net, image, tmp_path):
    predictor = load_predictor(csa_net, [0], device="cpu", use_mirroring=False, allow_tqdm=False)
    (weights,) = predictor.list_of_parameters
    dim = weights["position.embedding"].shape[1]
    grid = weights["position.embedding"].shape[-2:]
    for layer in ("previous", "next", "in_slice"):  # every location looks at the same location
        weights[f"{layer}.attention.query.weight"] = weights[f"{layer}.attention.key.weight"] = torch.eye(dim)
    patterns = torch.sign(torch.randn(grid.numel(), dim, generator=torch.Generator().manual_seed(0)))
    weights["position.embedding"] = 20 * patterns.T.reshape(1, dim, *grid)

    points = [(30, 20, 2), (75, 60, 0)]
    assert (
        predict_files(
            predictor,
            [image],
            tmp_path / "out",
            extra_outputs=ExtraOutputs(attention_points=[*points, points[0]]),
        )
        == []
    )
    written = {path.name for path in (tmp_path / "out" / "attention").iterdir()}
    assert written == {
        *(f"case_point_30_20_2_{offset}.nii.gz" for offset in ("-1", "+0", "+1")),
        *(f"case_point_75_60_0_{offset}.nii.gz" for offset in ("+0", "+1")),
    }
    source = nibabel.load(image)
    for point in points:
        for path in (tmp_path / "out" / "attention").glob(f"case_point_{'_'.join(map(str, point))}_*"):
            made = nibabel.load(path)
            assert made.shape == source.shape and made.get_data_dtype() == np.float32
            np.testing.assert_allclose(made.affine, source.affine, atol=1e-4)
            values = made.get_fdata()
            offset = int(path.name.removesuffix(".nii.gz").rpartition("_")[2])
            assert np.flatnonzero(values.any(axis=(0, 1))).tolist() == [point[2] + offset]
            assert values.sum() == pytest.approx(1, abs=1e-3)
            i, j = (
                (values * index).sum() / values.sum()
                for index in np.meshgrid(*map(range, source.shape), indexing="ij")[:2]
            )
            # A location has 16 x 16 mm at most.
            assert abs(i - point[0]) < 16 / 0.7 and abs(j - point[1]) < 16 / 0.6
            assert values[point[0], point[1], point[2] + offset] > 0.9 * values.max()


def test_points_are_checked_before_prediction_and_maps_go_with_their_prediction(
    csa_net, tiny, image, tmp_path, capsys
):
    out = tmp_path / "out"
    assert predict(tiny, out, "--attention-point", "30,20,2", "90,0,0", images=image) == 1
    error = capsys.readouterr().err
    assert "--attention-point 90,0,0 is outside of" in error and "90 x 70 x 5 voxels" in error
    assert "from 0,0,0 to 89,69,4" in error and not out.exists()
    with pytest.raises(SystemExit):
        predict(tiny, out, "--attention-point", "30,20", images=image)
    assert "'30,20' is not a voxel I,J,K, e.g. 120,96,4" in capsys.readouterr().err

    cropped = ["--attention-point", "0,0,0", "--attention-point", "30,20,2"]
    assert predict(tiny, out, *cropped, images=image.parent) == 1
    assert "--attention-point 0,0,0 is in a part that is 0 in all channels" in capsys.readouterr().err
    assert (out / "case.nii.gz").is_file() and len(list((out / "attention").iterdir())) == 3
    assert predict(tiny, out, images=image.parent) == 0
    assert list((out / "attention").iterdir()) == []

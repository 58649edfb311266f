"""Images whose slices are of another plane or order than those of training are named."""

import json

import pytest
import SimpleITK

from nnunet_slice_attention.bundle.export import export_bundle
from nnunet_slice_attention.cli import main
from nnunet_slice_attention.plans.slice_directions import SLICE_DIRECTIONS, SLICE_ORDERS
from tests.tiny_models import OURS

SAGITTAL = (0, 0, 1, 1, 0, 0, 0, -1, 0)
REVERSE = (1, 0, 0, 0, -1, 0, 0, 0, -1)


@pytest.fixture
def model(train, tiny, nnunet_folders):
    train(tiny, OURS.split("__")[0])
    return nnunet_folders / "results" / tiny.folder / OURS


@pytest.fixture
def images(nnunet_folders, tiny, tmp_path):
    (source, *_) = sorted((nnunet_folders / "raw" / tiny.folder / "imagesTs").glob("*.nii.gz"))
    (tmp_path / "images").mkdir()
    image = SimpleITK.ReadImage(str(source))
    for name, direction in {"axial": image.GetDirection(), "reverse": REVERSE, "sagittal": SAGITTAL}.items():
        image.SetDirection(direction)
        SimpleITK.WriteImage(image, str(tmp_path / "images" / f"{name}_0000.nii.gz"))
    return tmp_path / "images"


@pytest.mark.parametrize("as_bundle", [False, True])
def test_images_of_another_plane_are_predicted_and_named(as_bundle, model, images, tmp_path, capsys):
    plans = json.loads((model / "plans.json").read_text())
    assert plans[SLICE_DIRECTIONS] == [[0.0, 0.0, 1.0]] and SLICE_ORDERS not in plans
    flags = ["-m", str(model), "-f", "0"]
    if as_bundle:
        export_bundle(model, tmp_path / "bundle.zip", ["0"])
        flags = ["--bundle", str(tmp_path / "bundle.zip")]
    call = [
        "predict",
        *flags,
        "-i",
        str(images),
        "-o",
        str(tmp_path / "out"),
        "-device",
        "cpu",
        "--disable_tta",
    ]
    assert main([*call, "-npp", "0", "-nps", "0"]) == 0
    error = capsys.readouterr().err
    assert (
        "the slices of 1 images are stacked in another direction than those of training (inferior-" in error
    )
    assert "sagittal_0000.nii.gz (left-right)" in error and "axial_0000" not in error
    assert "reverse" not in error  # it has no positions
    predicted = sorted(path.name for path in (tmp_path / "out").glob("*.nii.gz"))
    assert predicted == ["axial.nii.gz", "reverse.nii.gz", "sagittal.nii.gz"]

"""Problems that depend on the format of an image: dimensions, colours, TIFF, readers."""

import numpy as np
import pytest
import SimpleITK
import tifffile
from nnunetv2.imageio.natural_image_reader_writer import NaturalImage2DIO
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO
from nnunetv2.imageio.tif_reader_writer import Tiff3DIO
from skimage import io

from tests.inference.checked_images import SPACING, problem, write


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (1.5, 1.5), (3.0, 2.0)])
def test_images_of_two_dimensions_are_fine(spacing, tmp_path):
    image = write(tmp_path / "a_0000.nii.gz", shape=(20, 18), spacing=spacing)
    for trained_on in ((999.0, 1.0, 1.0), (6.0, 1.0, 1.0)):
        assert not problem(image, trained_on=trained_on)


def test_an_image_with_all_its_colours_in_one_file_is_fine(tmp_path):
    path = tmp_path / "a_0000.png"
    io.imsave(path, np.random.default_rng(0).integers(0, 255, (20, 18, 3), np.uint8), check_contrast=False)
    assert not problem(path, channels=3, trained_on=(999.0, 1.0, 1.0), reader=NaturalImage2DIO)
    found = problem(path, channels=1, reader=NaturalImage2DIO)
    assert found == "a_0000.png: array of shape (3, 1, 20, 18); expected 1 channels"


@pytest.mark.parametrize("ending", [".mha", ".nii.gz", ".nrrd"])
@pytest.mark.parametrize("volumes", [1, 2])
def test_a_fourth_dimension_is_a_problem(volumes, ending, tmp_path):
    path = write(tmp_path / f"a_0000{ending}", shape=(volumes, 5, 20, 18), spacing=(*SPACING, 1.0))
    found = problem(path, channels=volumes)
    if SimpleITK.ReadImage(str(path)).GetDimension() == 3:
        assert not found
    else:
        size = f"(18, 20, 5, {volumes})"
        assert f"a_0000{ending} has four dimensions, {size} (x, y, z, time or channel), and nnU-Net" in found


def test_a_tiff_without_its_spacing_file_is_a_problem(tmp_path):
    for name in ("a_0000", "b_0000", "c"):
        tifffile.imwrite(tmp_path / f"{name}.tif", np.zeros((5, 20, 18), np.float32))
    for name in ("a", "c"):
        (tmp_path / f"{name}.json").write_text('{"spacing": [6, 1, 1]}')
    assert not problem(tmp_path / "a_0000.tif", reader=Tiff3DIO)
    for name, case in (("b_0000", "b"), ("c", "c")):
        found = problem(tmp_path / f"{name}.tif", reader=Tiff3DIO)
        assert (
            f"the spacing of {name}.tif is unknown: nnU-Net reads {case}.json next to {case}_0000.tif"
            in found
        )
        assert not problem(tmp_path / f"{name}.tif", trained_on=(1.0, 1.0, 1.0), reader=Tiff3DIO)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ('{"spacing": [6, 1', "is damaged"),
        ('{"voxels": [6, 1, 1]}', "it lacks spacing"),
        ('{"spacing": [6, 0, 1]}', "has spacing [6, 0, 1], expected three positive numbers"),
    ],
)
def test_a_damaged_spacing_file_of_a_tiff_is_named(content, error, tmp_path):
    tifffile.imwrite(tmp_path / "a_0000.tif", np.zeros((5, 20, 18), np.float32))
    (tmp_path / "a.json").write_text(content)
    for trained_on in ((6.0, 1.0, 1.0), (1.0, 1.0, 1.0)):
        found = problem(tmp_path / "a_0000.tif", trained_on=trained_on, reader=Tiff3DIO)
        assert str(tmp_path / "a.json") in found and error in found and "[z, y, x]" in found, found


def test_other_readers_may_read_several_channels_from_one_file(tmp_path):
    class Both(SimpleITKIO):
        def read_images(self, image_fnames):
            data, properties = super().read_images(image_fnames)
            return np.concatenate([data, data]), properties

    image = write(tmp_path / "a_0000.nii.gz")
    assert not problem(image, channels=2, reader=Both)
    assert "expected 3 channels" in problem(image, channels=3, reader=Both)


def test_an_error_without_a_message_is_reported_with_its_location(tmp_path):
    path = tmp_path / "a_0000.tif"
    tifffile.imwrite(path, np.zeros((4, 4), np.uint8))
    assert "Only 3D images are supported" in problem(path, trained_on=(1.0, 1.0, 1.0), reader=Tiff3DIO)

    class Silent(SimpleITKIO):
        def read_images(self, image_fnames):
            raise RuntimeError

    found = problem(write(tmp_path / "a_0000.nii.gz"), reader=Silent)
    assert found == "RuntimeError in read_images: raise RuntimeError"

"""Problems of images are found before the first is predicted, and reported in one sentence."""

import re

import numpy as np
import pytest
import SimpleITK
from nnunetv2.imageio.nibabel_reader_writer import NibabelIO
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO
from nnunetv2.preprocessing.normalization.default_normalization_schemes import ZScoreNormalization

from tests.inference.checked_images import problem, write

TURNED = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]]).ravel()


@pytest.mark.parametrize(
    ("ending", "reader"), [(".nii.gz", SimpleITKIO), (".nii.gz", NibabelIO), (".mha", SimpleITKIO)]
)
@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"shape": (6, 20, 18)}, r"shape \(6, 20, 18\), expected \(5, 20, 18\); they must be equal"),
        ({"spacing": (1.0, 1.0, 5.0)}, r"spacing \(1, 1, 5\), expected \(1, 1, 6\); the limit is 1 %"),
        ({"spacing": (1.0, 1.0, 6.01)}, r"spacing \(1, 1, 6.01\), expected \(1, 1, 6\); nnU-Net requires"),
        ({"origin": (50.0, 0.0, 0.0)}, r"origin \(-?50, 0, 0\), expected \(0, 0, 0\); the limit is 1 voxel"),
        ({"direction": TURNED}, r"direction \(-?0.8, -?0.6, .*; the limit is 5 degrees"),
    ],
)  # fmt: skip
def test_channels_of_two_images_are_named_with_what_differs(other, message, ending, reader, tmp_path):
    one = write(tmp_path / f"a_0000{ending}")
    two = write(tmp_path / f"a_0001{ending}", **other)
    found = problem(one, two, channels=2, reader=reader)
    assert re.search(f"^{two.name} and {one.name} are not of one image: {message}", found), found


def test_channels_that_differ_by_rounding_are_accepted(tmp_path):
    one = write(tmp_path / "a_0000.nii.gz")
    two = write(tmp_path / "a_0001.nii.gz", origin=(0.3, 0.0, 0.002), spacing=(1.0, 1.000001, 6.0))
    assert not problem(one, two, channels=2)


def test_channels_in_the_wrong_order_are_a_problem(tmp_path):
    one, two = (write(tmp_path / f"a_000{i}.nii.gz") for i in range(2))
    assert not problem(one, two, channels=2)
    assert problem(two, one, channels=2) == (
        "the channels are in the wrong order: a_0001.nii.gz, a_0000.nii.gz"
    )


@pytest.mark.parametrize(
    ("spacing", "trained_on"),
    [
        ((1000.0, 1000.0, 6000.0), (6.0, 1.0, 1.0)),  # micrometres
        ((0.001, 0.001, 0.006), (6.0, 1.0, 1.0)),  # metres
        ((1e30, 1.0, 6.0), (6.0, 1.0, 1.0)),
        ((1.0, 1.0, 1e30), (6.0, 1.0, 1.0)),  # not the dummy spacing of 2D images
    ],
)
def test_spacing_in_another_unit_is_a_problem_with_both_values(spacing, trained_on, tmp_path):
    found = problem(write(tmp_path / "a_0000.nii.gz", spacing=spacing), trained_on=trained_on)
    assert re.search(
        r"spacing \(.*\) \(slices first\), but the model was trained on \(6, 1, 1\), in mm", found
    )
    assert f"{spacing[2]:g}, {spacing[1]:g}, {spacing[0]:g}" in found


def test_another_spacing_is_fine(tmp_path):
    assert not problem(write(tmp_path / "a_0000.nii.gz", spacing=(0.2, 0.2, 30.0)))
    assert not problem(
        write(tmp_path / "b_0000.nii.gz", spacing=(2000.0, 2000.0, 6000.0)), trained_on=(5e3, 1e3, 1e3)
    )


def test_the_message_for_too_many_channels_explains_file_names(tmp_path):
    found = problem(*(write(tmp_path / f"p_000{i}.nii.gz") for i in range(3)))
    assert found.startswith(
        "has 3 channels (p_0000.nii.gz, p_0001.nii.gz, p_0002.nii.gz); the model was trained on 1."
    )
    assert "Name the files of a case CASE_0000.nii.gz, CASE_0001.nii.gz ..., one per channel" in found


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_voxels_that_are_not_finite_are_a_problem(bad, tmp_path):
    image = SimpleITK.ReadImage(str(write(tmp_path / "a_0000.mha")))  # ITK reads them as 0 in NIfTI
    image[1, 2, 3] = float(bad)
    SimpleITK.WriteImage(image, str(tmp_path / "a_0000.mha"))
    assert problem(tmp_path / "a_0000.mha").startswith("a_0000.mha: 1 voxels are NaN or infinite")


@pytest.mark.parametrize("value", [-3.4028235e38, -1e30, 1e20, 1e18])
def test_values_that_overflow_when_normalised_are_a_problem_unless_they_are_clipped(value, tmp_path):
    path = write(tmp_path / "a_0000.nii.gz")
    image = SimpleITK.ReadImage(str(path))
    image[:9] = value
    SimpleITK.WriteImage(image, str(path))
    found = problem(path)
    assert (
        f"a_0000.nii.gz: a voxel has the value {value:g}, and nnU-Net's normalisation would overflow" in found
    )
    assert not problem(path, clipped=[0])
    with np.errstate(over="ignore", invalid="ignore"):
        normalised = ZScoreNormalization(False, {}).run(SimpleITK.GetArrayFromImage(image))
    assert not np.nan_to_num(normalised).any()  # nnU-Net: nothing is left of the image


def test_large_values_that_do_not_overflow_are_fine(tmp_path):
    image = SimpleITK.ReadImage(str(write(tmp_path / "a_0000.nii.gz")))
    SimpleITK.WriteImage(image * 1e12, str(tmp_path / "a_0000.nii.gz"))
    assert not problem(tmp_path / "a_0000.nii.gz")

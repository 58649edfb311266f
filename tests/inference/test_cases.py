"""A result counts as finished only if it is complete, with all files that nnU-Net writes for it."""

import numpy as np
import pytest
from nnunetv2.imageio.natural_image_reader_writer import NaturalImage2DIO
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO
from nnunetv2.imageio.tif_reader_writer import Tiff3DIO

from nnunet_slice_attention.inference.cases import Case, is_finished, remove_results
from tests.tiny_data import draw_volume, write


def segmented(folder, name: str) -> Case:
    """A case whose segmentation is written, without probabilities."""
    case = Case((), folder / f"{name}.nii.gz", ".nii.gz")
    write(draw_volume(5, 0, channels=1, with_ignore=False)[1], case.output)
    return case


def test_truncated_results_are_not_finished_and_are_removed(tmp_path):
    whole, half = segmented(tmp_path, "whole"), segmented(tmp_path, "half")
    half.output.write_bytes(half.output.read_bytes()[:-200])
    assert is_finished(whole, SimpleITKIO())
    assert not is_finished(whole, SimpleITKIO(), with_probabilities=True)
    assert not is_finished(half, SimpleITKIO())
    np.savez(half.probabilities, probabilities=np.zeros(3))
    remove_results(half)
    assert {p.name for p in tmp_path.iterdir()} == {"whole.nii.gz"}


def test_probabilities_without_the_properties_that_ensembling_needs_are_not_finished(tmp_path):
    case = segmented(tmp_path, "a")
    np.savez(case.probabilities, probabilities=np.zeros(3))
    assert not is_finished(case, SimpleITKIO(), with_probabilities=True)
    case.properties.touch()
    assert is_finished(case, SimpleITKIO(), with_probabilities=True)


@pytest.mark.parametrize("ending", [".tif", ".tiff"])
def test_a_3d_tiff_segmentation_is_finished_with_its_spacing_only(ending, tmp_path):
    """nnU-Net writes the spacing after the segmentation."""
    case, reader_writer = Case((), tmp_path / f"a{ending}", ending), Tiff3DIO()
    reader_writer.write_seg(np.zeros((3, 8, 8), np.uint8), str(case.output), {"spacing": (6.0, 1.0, 1.0)})
    assert {path.name for path in tmp_path.iterdir()} == {f"a{ending}", "a.json"}
    assert is_finished(case, reader_writer)
    (tmp_path / "a.json").write_text('{"spacing": [6.0,')
    assert not is_finished(case, reader_writer)
    (tmp_path / "a.json").unlink()
    assert not is_finished(case, reader_writer)


def test_a_2d_tiff_segmentation_has_no_spacing(tmp_path):
    case, reader_writer = Case((), tmp_path / "a.tif", ".tif"), NaturalImage2DIO()
    reader_writer.write_seg(np.zeros((1, 8, 8), np.uint8), str(case.output), {})
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]
    assert is_finished(case, reader_writer)

"""Images whose slices are of another plane than those of training are found, tilted ones are not."""

import json
import pickle

import numpy as np
import pytest
import SimpleITK
from nnunetv2.imageio.nibabel_reader_writer import NibabelIO, NibabelIOWithReorient
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO, SimpleITKIOWithReorient

from nnunet_slice_attention.plans.slice_directions import (
    distinct,
    is_another_plane,
    name_of,
    slice_direction,
    slice_directions,
)

SAGITTAL = (0, 0, 1, 1, 0, 0, 0, -1, 0)  # columns: posterior, inferior, left
AXIAL, FLIPPED = (1, 0, 0, 0, 1, 0, 0, 0, 1), (-1, 0, 0, 0, -1, 0, 0, 0, -1)
FIRST, LAST = (0, 1, 2), (2, 0, 1)  # transpose_forward


def properties(tmp_path, direction, reader=SimpleITKIO):
    image = SimpleITK.GetImageFromArray(np.zeros((3, 4, 5), np.float32))
    image.SetSpacing((1.0, 1.0, 6.0))
    image.SetDirection(direction)
    path = str(tmp_path / "image.nii.gz")
    SimpleITK.WriteImage(image, path)
    return reader().read_images([path])[1]


@pytest.mark.parametrize("reader", [SimpleITKIO, NibabelIO])
@pytest.mark.parametrize(
    ("direction", "transpose", "name"),
    [
        (AXIAL, FIRST, "inferior-superior"),
        (FLIPPED, FIRST, "inferior-superior"),
        (SAGITTAL, FIRST, "left-right"),
        (AXIAL, LAST, "left-right"),  # nnU-Net slices along the last axis of the array, the first of the file
        (SAGITTAL, LAST, "anterior-posterior"),
    ],
)
def test_the_direction_is_that_of_the_axis_that_nnunet_slices(direction, transpose, name, reader, tmp_path):
    assert name_of(slice_direction(properties(tmp_path, direction, reader), transpose)) == name


@pytest.mark.parametrize("reader", [SimpleITKIOWithReorient, NibabelIOWithReorient])
def test_readers_that_reorient_slice_the_same_plane_of_any_file(reader, tmp_path):
    found = [slice_direction(properties(tmp_path, d, reader), FIRST) for d in (AXIAL, SAGITTAL)]
    assert not is_another_plane(found[1], found[:1])


@pytest.mark.parametrize(("degrees", "other"), [(0, False), (45, False), (55, False), (65, True), (90, True)])
@pytest.mark.parametrize("sign", [1, -1])
def test_tilted_slices_are_of_the_same_plane(degrees, other, sign):
    tilted = sign * np.array([0, np.sin(np.radians(degrees)), np.cos(np.radians(degrees))])
    assert is_another_plane(tilted, [(0.0, 0.0, -1.0)]) == other
    assert not is_another_plane(tilted, [(0.0, 0.0, 1.0), (0.0, 1.0, 0.0)])  # trained on both


def test_nothing_is_known_without_directions():
    assert not is_another_plane((1.0, 0.0, 0.0), [])
    assert slice_direction({"spacing": [1.0, 1.0, 1.0]}, FIRST) is None  # TIFF
    flat = {
        "spacing": [999.0, 1.0, 1.0],
        "sitk_stuff": {"spacing": (1, 1), "origin": (0, 0), "direction": (1, 0, 0, 1)},
    }
    assert slice_direction(flat, FIRST) is None


def test_directions_are_saved_once_whatever_their_sign():
    found = distinct([(0.0, 0.0, 1.0), (0.0, 0.001, -1.0), (1.0, 0.0, 0.0)])
    assert json.loads(json.dumps(found)) == [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]


def test_cases_are_read_as_preprocessed_and_damaged_ones_are_left_to_training(tmp_path):
    for case, direction in {"a": AXIAL, "b": SAGITTAL}.items():
        (tmp_path / f"{case}.pkl").write_bytes(pickle.dumps(properties(tmp_path, direction)))
    (tmp_path / "c.pkl").write_bytes(b"")
    assert {case: name_of(d) for case, d in slice_directions(tmp_path, FIRST).items()} == {
        "a": "inferior-superior",
        "b": "left-right",
    }

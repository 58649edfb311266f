"""Images whose slices are of another plane or order than those of training are found, tilted ones are not."""

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
    is_in_reverse_order,
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


@pytest.mark.parametrize("reader", [SimpleITKIO, NibabelIO, SimpleITKIOWithReorient, NibabelIOWithReorient])
@pytest.mark.parametrize(("transpose", "axcodes"), [(FIRST, "LPI"), (LAST, "RPS")])
def test_slices_are_in_reverse_order_where_the_array_that_nnunet_slices_is(
    reader, transpose, axcodes, tmp_path
):
    image = SimpleITK.GetImageFromArray(np.arange(3 * 4 * 5, dtype=np.float32).reshape(3, 4, 5))
    read = []
    for stored in (image, SimpleITK.DICOMOrient(image, axcodes)):  # the same voxels at the same places
        path = str(tmp_path / f"{len(read)}.nii.gz")
        SimpleITK.WriteImage(stored, path)
        array, found = reader().read_images([path])
        read.append((array[0].transpose(transpose), slice_direction(found, transpose)))
    (one, direction), (other, its_direction) = read
    reverse = np.array_equal(one[::-1], other)
    assert reverse != np.array_equal(one, other)
    assert reverse == (reader in (SimpleITKIO, NibabelIO))  # the others reorient the image
    assert is_in_reverse_order(its_direction, [direction]) == reverse
    assert not is_in_reverse_order(direction, [direction])


@pytest.mark.parametrize(
    ("trained_on", "reverse"),
    [
        ([(0.0, 0.0, 1.0), (0.0, 0.7, 0.7), (0.0, -0.7, 0.7)], True),
        ([(0.0, 0.0, 1.0), (1.0, 0.0, 0.1)], True),  # of the other plane, every order is as good
        ([(0.0, 0.0, 1.0), (-1.0, 0.0, 0.0)], True),
        ([(0.0, 0.0, 1.0), (0.0, 0.0, -1.0)], False),  # trained on both
        ([(0.0, 0.5, -0.9)], False),
        ([(1.0, 0.0, 0.0)], False),
        ([], False),
    ],
)
def test_an_order_is_that_of_training_or_not_whatever_the_tilt_and_other_planes(trained_on, reverse):
    assert is_in_reverse_order((0.2, 0.1, -0.97), trained_on) == reverse


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


def test_with_signs_they_are_saved_in_both_orders():
    found = distinct([(0.0, 0.0, 1.0), (0.0, -0.001, 1.0), (0.0, 0.001, -1.0)], signed=True)
    assert json.loads(json.dumps(found)) == [[0.0, 0.0, -1.0], [0.0, 0.0, 1.0]]
    assert "-0.0" not in str(found)


def test_cases_are_read_as_preprocessed_and_damaged_ones_are_left_to_training(tmp_path):
    for case, direction in {"a": AXIAL, "b": SAGITTAL}.items():
        (tmp_path / f"{case}.pkl").write_bytes(pickle.dumps(properties(tmp_path, direction)))
    (tmp_path / "c.pkl").write_bytes(b"")
    assert {case: name_of(d) for case, d in slice_directions(tmp_path, FIRST).items()} == {
        "a": "inferior-superior",
        "b": "left-right",
    }

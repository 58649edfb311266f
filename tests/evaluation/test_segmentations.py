"""Pairs are read with the slices first; pairs that cannot be compared are refused by name."""

import os

import nibabel
import numpy as np
import pytest
import SimpleITK
from nnunetv2.imageio.nibabel_reader_writer import NibabelIO, NibabelIOWithReorient
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO, SimpleITKIOWithReorient

from nnunet_slice_attention.evaluation.labels import Labels
from nnunet_slice_attention.evaluation.segmentations import find_slice_axis, read_pair
from tests.tiny_data import TinyDataset, draw_volume, write

LABELS = Labels.from_dataset_json(TinyDataset(1, "Tiny").dataset_json)


@pytest.fixture
def files(tmp_path):
    _, labels = draw_volume(5, seed=0, channels=1, with_ignore=False)
    paths = tmp_path / "truth.nii.gz", tmp_path / "prediction.nii.gz"
    for path in paths:
        write(labels, path)
    return *paths, labels


def test_the_slice_axis_comes_first(tmp_path):
    volume = np.zeros((4, 5, 6), np.uint8)
    volume[1, 2, 3] = 1
    image = SimpleITK.GetImageFromArray(volume)
    image.SetSpacing((1.0, 8.0, 2.0))  # x, y, z: the slices are coronal
    SimpleITK.WriteImage(image, str(tmp_path / "a.nii.gz"))
    assert find_slice_axis(SimpleITKIO(), [tmp_path / "a.nii.gz"]) == 1
    pair = read_pair(SimpleITKIO(), tmp_path / "a.nii.gz", tmp_path / "a.nii.gz", LABELS, slice_axis=1)
    assert pair.truth.shape == (5, 4, 6)
    assert pair.spacing == (8.0, 2.0, 1.0)
    assert pair.truth[2, 1, 3] == 1


def test_the_slice_axis_is_that_of_most_files(tmp_path):
    paths = [tmp_path / f"{name}.nii.gz" for name in "abc"]
    for path, spacing in zip(paths, [(1.0, 1.0, 40.0), (1.0, 8.0, 2.0), (1.0, 8.0, 2.0)], strict=True):
        write(np.zeros((4, 5, 6), np.uint8), path, spacing)
    assert find_slice_axis(SimpleITKIO(), paths) == 1
    assert find_slice_axis(SimpleITKIO(), paths[:1]) == 0


def test_2d_images_are_refused(tmp_path):
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.zeros((5, 6), np.uint8)), str(tmp_path / "a.nii.gz"))
    with pytest.raises(ValueError, match="2D image"):
        find_slice_axis(SimpleITKIO(), [tmp_path / "a.nii.gz"])


def test_affines_are_compared(tmp_path):
    affine = np.diag([1.0, 1.0, 6.0, 1.0])
    for name, shift in (("truth", 0.0), ("prediction", 5.0)):
        affine[0, 3] = shift
        nibabel.save(nibabel.Nifti1Image(np.zeros((4, 4, 3), np.uint8), affine), tmp_path / f"{name}.nii.gz")
    with pytest.raises(ValueError, match=r"origin \(5, 0, 0\), but its ground truth .* \(0, 0, 0\)"):
        read_pair(NibabelIO(), tmp_path / "truth.nii.gz", tmp_path / "prediction.nii.gz", LABELS)


def test_ignored_voxels_are_not_evaluated(tmp_path):
    _, labels = draw_volume(3, seed=0, channels=1, with_ignore=True)
    write(labels, tmp_path / "truth.nii.gz")
    write(np.where(labels == 3, 1, labels).astype(np.uint8), tmp_path / "prediction.nii.gz")
    regions = Labels.from_dataset_json(TinyDataset(1, "Tiny", regions=True).dataset_json)
    pair = read_pair(SimpleITKIO(), tmp_path / "truth.nii.gz", tmp_path / "prediction.nii.gz", regions)
    truth, prediction = pair.masks(regions, "disc")
    assert (truth == prediction).all()
    assert truth.any()


def change_header(path, spacing=None, origin=None, degrees=0.0):
    """Rotate by `degrees` about the slice axis."""
    image = SimpleITK.ReadImage(str(path))
    image.SetSpacing(spacing or image.GetSpacing())
    image.SetOrigin(origin or image.GetOrigin())
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    image.SetDirection((cos, -sin, 0.0, sin, cos, 0.0, 0.0, 0.0, 1.0))
    SimpleITK.WriteImage(image, str(path))


@pytest.mark.parametrize(
    ("header", "offset"),
    [
        ({"origin": (0.0, 0.0, 0.002)}, 0.002),
        ({"origin": (0.5, 0.5, 3.0)}, np.sqrt(9.5)),  # voxel corner instead of voxel centre
        ({"spacing": (1.0, 1.005, 6.0)}, 39 * 0.005),
        ({"degrees": 3.0}, 2 * np.sin(np.radians(1.5)) * np.hypot(39, 35)),
        ({"origin": (0.0, 0.0, 0.0002)}, 0.0),  # rounding
    ],
)
def test_slightly_different_headers_are_compared_voxel_by_voxel(files, header, offset):
    truth, prediction, labels = files
    change_header(truth, **header)
    pair = read_pair(SimpleITKIO(), truth, prediction, LABELS)
    assert (pair.truth == labels).all() and (pair.prediction == labels).all()
    assert pair.header_offset == pytest.approx(offset, rel=1e-3, abs=1e-9)
    assert pair.spacing == pytest.approx((6.0, header.get("spacing", (1.0, 1.0))[1], 1.0))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"spacing": (1.0, 1.02, 6.0)}, r"spacing .*the limit is 1 %"),
        ({"origin": (0.0, 1.1, 0.0)}, r"origin .*the limit is 1 voxel"),
        ({"degrees": 6.0}, r"direction .*the limit is 5 degrees"),
        ({"degrees": 180.0, "origin": (35.0, 39.0, 0.0)}, r"direction"),
    ],
)
def test_headers_of_another_image_are_refused_with_the_limit(files, header, message):
    truth, prediction, _ = files
    change_header(truth, **header)
    with pytest.raises(ValueError, match=rf"prediction\.nii\.gz has {message}.*fix the header"):
        read_pair(SimpleITKIO(), truth, prediction, LABELS)


@pytest.mark.parametrize("reader", [SimpleITKIOWithReorient, NibabelIOWithReorient])
def test_readers_that_reorient_compare_the_reoriented_images(files, reader):
    truth, prediction, _ = files
    image = SimpleITK.DICOMOrient(SimpleITK.ReadImage(str(prediction)), "RPI")
    SimpleITK.WriteImage(image, str(prediction))
    pair = read_pair(reader(), truth, prediction, LABELS)
    assert (pair.truth == pair.prediction).all() and pair.truth.any() and pair.header_offset == 0


def test_a_different_geometry_is_refused_with_both_files(files):
    truth, prediction, labels = files
    change_header(prediction, spacing=(1.0, 1.0, 5.0))
    with pytest.raises(ValueError, match=r"prediction\.nii\.gz has spacing .*5.*truth\.nii\.gz .*6"):
        read_pair(SimpleITKIO(), truth, prediction, LABELS)
    change_header(prediction, spacing=(1.0, 1.0, 6.0), origin=(3.0, 0.0, 0.0))
    with pytest.raises(ValueError, match=r"origin"):
        read_pair(SimpleITKIO(), truth, prediction, LABELS)
    write(labels[:-1], prediction)
    with pytest.raises(ValueError, match=r"shape \(4, 40, 36\).*\(5, 40, 36\)"):
        read_pair(SimpleITKIO(), truth, prediction, LABELS)


def test_labels_that_the_data_set_lacks_are_refused(files):
    truth, prediction, labels = files
    write((labels * 4).astype(np.uint8), prediction)
    with pytest.raises(ValueError, match=r"label 4, but the data set has 0, 1, 2\."):
        read_pair(SimpleITKIO(), truth, prediction, LABELS)
    write(labels * np.float32(0.5), prediction)
    with pytest.raises(ValueError, match=r"not labels, e\.g\. 0\.5"):
        read_pair(SimpleITKIO(), truth, prediction, LABELS)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("cut", [0, 1])
def test_a_truncated_file_is_refused(files, tmp_path, ending, cut):
    paths = [tmp_path / f"{name}_whole{ending}" for name in ("truth", "prediction")]
    for path in paths:
        write(files[2], path)
    assert read_pair(SimpleITKIO(), *paths, LABELS).truth.any()
    os.truncate(paths[cut], paths[cut].stat().st_size * 6 // 10)
    with pytest.raises(OSError, match=f"{paths[cut].name}: the file is cut off"):
        read_pair(SimpleITKIO(), *paths, LABELS)

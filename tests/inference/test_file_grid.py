"""Voxels of an image file are found in the array that each of nnU-Net's readers makes of it, and brought back."""

import itertools

import nibabel
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from nnunetv2.imageio.nibabel_reader_writer import NibabelIO, NibabelIOWithReorient
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO, SimpleITKIOWithReorient

from nnunet_slice_attention.inference.file_grid import FileGrid

READERS = [SimpleITKIO, SimpleITKIOWithReorient, NibabelIO, NibabelIOWithReorient]


@pytest.mark.parametrize("axes", ["RAS", "LPS", "SLA", "AIL"])
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
def test_voxels_of_a_file_are_found_in_the_readers_array_and_brought_back(reader, axes, tmp_path):
    rng = np.random.default_rng(0)
    values = rng.random((4, 5, 6), np.float32)
    affine = np.diag([1.0, 2.0, 3.0, 1.0])
    affine[:3, 3] = 10, -20, 30
    image = nibabel.Nifti1Image(values, affine).as_reoriented(
        ornt_transform(io_orientation(affine), axcodes2ornt(axes))
    )
    path = tmp_path / "image_0000.nii.gz"
    nibabel.save(image, path)
    array, properties = reader().read_images([str(path)])
    grid, stored = FileGrid.of(path, properties, array.shape[1:]), np.asarray(image.dataobj)
    assert not grid.has(stored.shape) and not grid.has((0, -1, 0)) and grid.has((0, 0, 0))
    for voxel in itertools.product(*map(range, stored.shape)):
        assert grid.has(voxel) and array[(0, *grid.in_array(voxel))] == stored[voxel]
    back = grid.as_nifti(array[0])
    np.testing.assert_array_equal(back.get_fdata(dtype=np.float32), stored)
    np.testing.assert_allclose(back.affine, image.affine, atol=1e-4)

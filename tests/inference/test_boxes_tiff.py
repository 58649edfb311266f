"""Boxes of 3D TIFF have sizes in mm only if the spacing of the image is known."""

import json
import shutil

import numpy as np
import pytest
from nnunetv2.imageio.tif_reader_writer import Tiff3DIO

from nnunet_slice_attention.inference.boxes import boxes_of, write_boxes
from nnunet_slice_attention.inference.cases import Case
from tests.tiny_tiff import CASES, DESCRIPTION, SPACING, labels_of, write_raw_tiff


@pytest.fixture
def case(tmp_path):
    """An image, its spacing file, and its labels as nnU-Net writes a prediction of it."""
    images = write_raw_tiff(tmp_path) / "imagesTr"
    (tmp_path / "out").mkdir()
    return Case((images / f"{CASES[0]}_0000.tif",), tmp_path / "out" / f"{CASES[0]}.tif", ".tif")


def predicted_boxes(case):
    labels = labels_of(CASES[0])
    _, properties = Tiff3DIO().read_images([str(case.images[0])])
    Tiff3DIO().write_seg(labels, str(case.output), properties)
    one_hot = np.stack([labels == label for label in range(3)])
    np.savez_compressed(case.probabilities, probabilities=one_hot.astype(np.float16))
    write_boxes(case, Tiff3DIO(), DESCRIPTION)
    content = json.loads(boxes_of(case.output).read_text())
    assert content["boxes"]
    return content


def test_a_known_spacing_is_that_of_the_sizes(case):
    content = predicted_boxes(case)
    assert content["spacing_mm"] == list(SPACING)
    for box in content["boxes"]:
        assert box["size_mm"] == (np.subtract(box["max"], box["min"]) * SPACING).tolist()


def test_without_a_spacing_file_there_are_no_millimetres(case):
    with_spacing = predicted_boxes(case)
    shutil.rmtree(case.output.parent)
    case.output.parent.mkdir()
    (case.images[0].parent / f"{CASES[0]}.json").unlink()
    content = predicted_boxes(case)
    assert json.loads(case.spacing.read_text()) == {"spacing": [1, 1, 1]}  # which nnU-Net assumes
    assert "mm" not in boxes_of(case.output).read_text()
    assert [box["min"] for box in content["boxes"]] == [box["min"] for box in with_spacing["boxes"]]

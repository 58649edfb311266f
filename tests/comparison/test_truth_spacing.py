"""Where the spacing of a ground truth in 3D TIFF is found."""

import json
import shutil

import numpy as np
import pytest
from batchgenerators.utilities.file_and_folder_operations import write_pickle

from nnunet_slice_attention.comparison.ground_truth import GroundTruth
from nnunet_slice_attention.comparison.truth_spacing import with_spacings
from tests.comparison.tiff_models import remove_spacing
from tests.tiny_tiff import CASES, DATASET, DESCRIPTION, SPACING, write_spacing


def found_spacings(cases=CASES) -> dict:
    return dict(with_spacings(GroundTruth.from_dataset(DATASET.folder), cases).spacings)


def test_nnunet_copies_labels_without_their_spacing(tiff_models):
    """If this fails, nnU-Net has changed, and `truth_spacing.py` may be superfluous."""
    copied = {
        path.name for path in (tiff_models / "preprocessed" / DATASET.folder / "gt_segmentations").iterdir()
    }
    assert copied == {f"{case}.tif" for case in CASES}


def test_the_spacing_of_a_copy_is_its_own_or_that_of_the_raw_label_or_image(tiff):
    labels, images = tiff.raw / "labelsTr", tiff.raw / "imagesTr"
    for mm, folder in ((3.0, tiff.truth), (4.0, labels), (5.0, images)):
        write_spacing(folder, "case_0", (mm, 1.0, 1.0))
    for mm, folder in ((3.0, tiff.truth), (4.0, labels), (5.0, images)):
        assert found_spacings(["case_0"]) == {"case_0": (mm, 1.0, 1.0)}
        (folder / "case_0.json").unlink()


def test_the_spacing_of_a_raw_label_is_found_without_its_image(tiff):
    shutil.rmtree(tiff.raw / "imagesTr")
    write_spacing(tiff.raw / "labelsTr", "case_0", (4.0, 1.0, 1.0))
    assert found_spacings(["case_0"]) == {"case_0": (4.0, 1.0, 1.0)}


def test_files_named_in_dataset_json_are_found(tiff):
    (tiff.raw / "labelsTr").rename(tiff.raw / "elsewhere")
    remove_spacing(tiff.raw / "imagesTr")
    files = {
        case: {"images": [f"imagesTr/{case}_0000.tif"], "label": f"elsewhere/{case}.tif"} for case in CASES
    }
    (tiff.preprocessed / "dataset.json").write_text(json.dumps(DESCRIPTION | {"dataset": files}))
    assert found_spacings() == dict.fromkeys(CASES, SPACING)


def test_without_the_raw_data_the_spacing_is_that_of_the_preprocessed_case(tiff):
    shutil.rmtree(tiff.raw)
    folder = tiff.preprocessed / "nnUNetPlans_2d"
    folder.mkdir()
    for case in CASES:
        write_pickle({"spacing": [np.float64(mm) for mm in SPACING]}, str(folder / f"{case}.pkl"))
    assert found_spacings() == dict.fromkeys(CASES, SPACING)
    write_pickle({"spacing": (1, 1, 1)}, str(folder / "case_1.pkl"))  # as nnU-Net assumes
    with pytest.raises(ValueError, match=r"the spacing of .*gt_segmentations.case_1\.tif is unknown"):
        found_spacings()
    (folder / "case_1.pkl").write_bytes(b"\x80")
    with pytest.raises(ValueError, match=r"case_1\.pkl is damaged: .*Preprocess the data set again"):
        found_spacings()

"""A data set that was changed or is incomplete is found before the first run."""

import json
import os
import shutil
import time
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK

from nnunet_slice_attention.crossval.check_before_training import check_before_training
from nnunet_slice_attention.crossval.train_compare_predict import cross_validate
from tests.crossval.tiny_crossval import OURS, STOCK, TWO_CASES, refuse_to_launch, tiny_crossval
from tests.tiny_data import read, write
from tests.tiny_tiff import labels_of, write_segmentation

pytestmark = pytest.mark.usefixtures("results", "without_trainer_checks")


def test_missing_ground_truth_is_named(preprocessed, tiny, tmp_path):
    (preprocessed / "splits_final.json").write_text(TWO_CASES)
    (preprocessed / "gt_segmentations" / "case_0.nii.gz").unlink()
    with pytest.raises(FileNotFoundError, match="no ground truth for case_0 in .*Preprocess"):
        cross_validate(tiny_crossval(tiny, tmp_path), refuse_to_launch)


def test_folds_that_share_validation_cases_are_refused_together(preprocessed, tiny, tmp_path):
    """The comparison would refuse them after all trainings."""
    validated = (["case_0", "case_1"], ["case_0", "case_2", "case_2"])
    split = [{"train": ["case_3"], "val": cases} for cases in validated]
    (preprocessed / "splits_final.json").write_text(json.dumps(split))
    launched = []
    with pytest.raises(
        ValueError,
        match=r"^case_0: validation cases of more than one of the folds 0, 1.* once for each .*\(-f\)",
    ):
        cross_validate(tiny_crossval(tiny, tmp_path, folds=["0", "1"]), refuse_to_launch)
    for fold in ("0", "1"):
        crossval = tiny_crossval(tiny, tmp_path, folds=[fold, "all"])
        cross_validate(crossval, lambda jobs: launched.extend(job.name for job in jobs) or ["unfinished"])
    assert launched == [f"{OURS}, fold {fold}" for fold in ("0", "all", "1", "all")]


def test_labels_changed_after_preprocessing_are_named(
    preprocessed, nnunet_folders, tiny, tmp_path, monkeypatch
):
    raw = shutil.copytree(nnunet_folders / "raw" / tiny.folder, tmp_path / "raw" / tiny.folder)
    monkeypatch.setattr(
        "nnunet_slice_attention.crossval.check_before_training.nnUNet_raw", str(tmp_path / "raw")
    )
    (preprocessed / "splits_final.json").write_text(TWO_CASES)
    shutil.copy(raw / "labelsTr" / "case_0.nii.gz", raw / "labelsTr" / "case_3.nii.gz")
    with pytest.raises(
        ValueError, match=r"were changed after preprocessing.*: case_3\. Remove .*--clean, .* train again"
    ):
        cross_validate(tiny_crossval(tiny, tmp_path), refuse_to_launch)


def test_images_of_four_dimensions_are_named(preprocessed, nnunet_folders, tiny, tmp_path, monkeypatch):
    raw = shutil.copytree(nnunet_folders / "raw" / tiny.folder, tmp_path / "raw" / tiny.folder)
    monkeypatch.setattr(
        "nnunet_slice_attention.crossval.check_before_training.nnUNet_raw", str(tmp_path / "raw")
    )
    (preprocessed / "splits_final.json").write_text(TWO_CASES)
    image = raw / "imagesTr" / "case_0_0000.nii.gz"
    SimpleITK.WriteImage(SimpleITK.JoinSeries([SimpleITK.ReadImage(str(image))] * 2), str(image))
    with pytest.raises(ValueError, match=r"1 images have four dimensions.*case_0_0000.*one file per channel"):
        cross_validate(tiny_crossval(tiny, tmp_path), refuse_to_launch)


@pytest.mark.parametrize("case", ["case_0", "case_1"], ids=["validation", "training"])
@pytest.mark.parametrize(
    ("factor", "problem"),
    [(np.float32(0.9999), "are not labels, e.g. 0.9999"), (2, "label 4, but the data set has")],
)
def test_values_that_are_no_labels_are_named(factor, problem, case, preprocessed, tiny, tmp_path):
    """nnU-Net would take a structure for background, and the comparison would fail after the training."""
    label = preprocessed / "gt_segmentations" / f"{case}.nii.gz"
    (preprocessed / "splits_final.json").write_text(TWO_CASES)
    write(read(label) * factor, label)
    with pytest.raises(
        ValueError, match=rf"{case}.nii.gz contains .*{problem}.*remove .*gt_segmentations.*--clean"
    ):
        cross_validate(tiny_crossval(tiny, tmp_path), refuse_to_launch)


def test_a_description_changed_after_preprocessing_is_named(
    preprocessed, nnunet_folders, tiny, tmp_path, monkeypatch
):
    raw = tmp_path / "raw" / tiny.folder
    raw.mkdir(parents=True)
    monkeypatch.setattr(
        "nnunet_slice_attention.crossval.check_before_training.nnUNet_raw", str(tmp_path / "raw")
    )
    (preprocessed / "splits_final.json").write_text(TWO_CASES)
    changed = json.loads((preprocessed / "dataset.json").read_text()) | {"channel_names": {"0": "CT"}}
    (raw / "dataset.json").write_text(json.dumps(changed))
    with pytest.raises(
        ValueError, match=r"dataset\.json was changed after preprocessing: normalisation of channels is .*CT"
    ):
        cross_validate(tiny_crossval(tiny, tmp_path), refuse_to_launch)


def test_a_ground_truth_of_unknown_slice_spacing_is_named(preprocessed, tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("nnUNet_raw", str(tmp_path / "raw"))
    (preprocessed / "splits_final.json").write_text(TWO_CASES)
    description = json.loads((preprocessed / "dataset.json").read_text()) | {"file_ending": ".tif"}
    (preprocessed / "dataset.json").write_text(json.dumps(description))
    for case in ("case_0", "case_1"):
        write_segmentation(preprocessed / "gt_segmentations", case, labels_of(case), spacing=None)
    for properties in preprocessed.glob("*/*.pkl"):  # nnU-Net's, of the images
        properties.unlink()
    with pytest.raises(ValueError, match=r"the spacing of .*case_0\.tif is unknown.* Write \{.spacing"):
        cross_validate(tiny_crossval(tiny, tmp_path), refuse_to_launch)


@pytest.mark.parametrize("ending", [".png", ".nii.gz"])
def test_2d_images_are_refused_unless_nothing_is_compared(ending, preprocessed, tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("nnUNet_raw", str(tmp_path / "raw"))
    (preprocessed / "splits_final.json").write_text(TWO_CASES)
    description = json.loads((preprocessed / "dataset.json").read_text()) | {"file_ending": ending}
    (preprocessed / "dataset.json").write_text(json.dumps(description))
    for label in (preprocessed / "gt_segmentations").iterdir():
        one_slice = SimpleITK.GetImageFromArray(read(label)[0])
        label.unlink()
        SimpleITK.WriteImage(one_slice, str(label.with_name(label.name.replace(".nii.gz", ending))))
    with pytest.raises(
        ValueError, match=rf"case_0{ending} is a 2D image, .* not compare: train with nnUNetv2_train"
    ):
        cross_validate(tiny_crossval(tiny, tmp_path), refuse_to_launch)
    launched = []
    crossval = tiny_crossval(tiny, tmp_path, folds=["all"])
    cross_validate(crossval, lambda jobs: launched.extend(job.name for job in jobs) or ["unfinished"])
    assert launched == [f"{OURS}, fold all"]


@pytest.fixture
def raw(nnunet_folders, preprocessed, tiny, tmp_path, monkeypatch):
    """A copy of the raw data set, older than the preprocessed one."""
    folder = shutil.copytree(nnunet_folders / "raw" / tiny.folder, tmp_path / "raw" / tiny.folder)
    monkeypatch.setattr(
        "nnunet_slice_attention.crossval.check_before_training.nnUNet_raw", str(tmp_path / "raw")
    )
    monkeypatch.setattr(
        "nnunet_slice_attention.crossval.check_before_training.nnUNet_preprocessed", str(preprocessed.parent)
    )
    (preprocessed / "splits_final.json").write_text(TWO_CASES)
    return folder


def test_images_newer_than_the_data_of_the_models_are_a_note(raw, preprocessed, tiny, tmp_path, capsys):
    crossval = tiny_crossval(tiny, tmp_path / "out", models=[OURS, STOCK])
    check_before_training(crossval)
    assert capsys.readouterr().err == ""
    image = raw / "imagesTr" / "case_3_0000.nii.gz"
    later = time.time() + 60
    os.utime(image, (later, later))
    check_before_training(crossval)
    note = capsys.readouterr().err
    assert (
        note.startswith("note: 1 images of ") and ": case_3. If they were replaced, not only copied," in note
    )
    assert f"nnUNetv2_plan_and_preprocess -d {tiny.id} --clean" in note
    for data in (preprocessed / "nnUNetPlans_2d").glob("*.pkl"):
        os.utime(data, (later + 1, later + 1))
    check_before_training(crossval)  # the older 3d_fullres is not trained
    assert capsys.readouterr().err == ""
    check_before_training(replace(crossval, models=[STOCK._replace(configuration="3d_fullres")]))
    assert "case_3" in capsys.readouterr().err

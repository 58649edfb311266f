"""What `crossval` notes before training, but does not refuse."""

import json
import os
import shutil
import time
from dataclasses import replace

import pytest

from nnunet_slice_attention.crossval.checks import check_before_training
from tests.crossval.tiny_crossval import OURS, STOCK, tiny_crossval

SPLIT = json.dumps([{"train": ["case_1"], "val": ["case_0"]}])


@pytest.fixture
def raw(nnunet_folders, preprocessed, tiny, tmp_path, monkeypatch, without_preflight):
    """A copy of the raw data set, older than the preprocessed one."""
    folder = shutil.copytree(nnunet_folders / "raw" / tiny.folder, tmp_path / "raw" / tiny.folder)
    monkeypatch.setattr("nnunet_slice_attention.crossval.checks.nnUNet_raw", str(tmp_path / "raw"))
    monkeypatch.setattr(
        "nnunet_slice_attention.crossval.checks.nnUNet_preprocessed", str(preprocessed.parent)
    )
    monkeypatch.setattr("nnunet_slice_attention.crossval.model_job.nnUNet_results", str(tmp_path / "results"))
    (preprocessed / "splits_final.json").write_text(SPLIT)
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

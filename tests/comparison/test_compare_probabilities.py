"""The command `compare` with probabilities saved next to predictions."""

import json
import re
import shutil

import numpy as np
import pytest

from tests.comparison.prediction_folders import compare
from tests.tables import rows_of
from tests.tiny_data import read


def save_probabilities(folder, change=lambda probabilities: probabilities):
    """Next to every segmentation, as nnU-Net does; `change` corrupts those of one case."""
    shutil.copy(folder.parent / "dataset.json", folder)
    (folder / "plans.json").write_text("{}")
    for path in folder.glob("*.nii.gz"):
        labels = read(path)
        probabilities = np.stack([labels == label for label in range(3)]).astype(np.float32)
        saved = change(probabilities) if path.name == "patient2_visit0.nii.gz" else probabilities
        np.savez(folder / path.name.replace(".nii.gz", ".npz"), probabilities=saved)
        (folder / path.name.replace(".nii.gz", ".pkl")).touch()


@pytest.mark.parametrize(
    ("flags", "change", "message"),
    [
        ([], lambda p: p * np.nan, "not probabilities (NaN"),
        ([], lambda p: p[:, :1], "has shape (3, 1, 40, 36), its segmentation needs (3, 5, 40, 36)"),
        ([], lambda p: p[::-1], "does not match the segmentation next to it"),
        (["--lesions", "15", "30"], lambda p: p[::-1], "does not match the segmentation next to it"),
    ],
    ids=["nan", "one slice", "another model's", "another model's, lesions"],
)
def test_probabilities_that_do_not_match_the_segmentation_are_refused(
    folders, capsys, flags, change, message
):
    save_probabilities(folders / "perfect")
    save_probabilities(folders / "small", change)
    assert compare(folders, *flags) == 1
    error = capsys.readouterr().err
    assert f"FAILED small, patient2_visit0: {folders / 'small' / 'patient2_visit0.npz'} " in error
    assert message in error
    assert "perfect" not in error.replace(str(folders), "")
    assert not (folders / "out" / "report.html").exists()


@pytest.mark.parametrize("ending", [".npz", ".pkl"])
def test_a_model_with_probabilities_for_some_cases_only_is_named(folders, ending):
    for name in ("perfect", "small"):
        save_probabilities(folders / name)
    (folders / "small" / f"patient2_visit0{ending}").unlink()
    assert compare(folders) == 0
    report = (folders / "out" / "report.md").read_text()
    assert (
        "without ensembles, FROC and detection: small (1 of 16 cases without saved probabilities)" in report
    )
    assert {row["model"] for row in rows_of(folders / "out")} == {"perfect", "small"}
    assert "## Detection" not in report and not (folders / "out" / "boxes.csv").exists()  # unless asked for


def test_a_case_that_cannot_be_averaged_is_named(folders, tiny, nnunet_folders, capsys):
    for name in ("perfect", "small"):
        save_probabilities(folders / name)
        shutil.copy(
            nnunet_folders / "preprocessed" / tiny.folder / "nnUNetPlans.json", folders / name / "plans.json"
        )
    assert compare(folders) == 1
    assert re.search(
        r"perfect/patient\d_visit\d.npz and .*small/patient\d_visit\d.npz cannot be averaged: .*with probabilities, or "
        "give --no-ensembles",
        capsys.readouterr().err,
    )
    assert compare(folders, "--no-ensembles") == 0


def test_of_a_model_of_other_labels_only_the_segmentations_are_compared(folders, capsys):
    """Labels and overlapping regions are segmented with the same values, but by other channels."""
    for name in ("perfect", "small"):
        save_probabilities(folders / name)
    description = json.loads((folders / "dataset.json").read_text())
    labels = {"background": 0, "disc": [1, 2], "core": 2}
    by_region = json.dumps(description | {"labels": labels, "regions_class_order": [1, 2]})
    (folders / "small" / "dataset.json").write_text(by_region)
    for path in (folders / "small").glob("*.npz"):
        _, disc, core = np.load(path)["probabilities"]
        np.savez(path, probabilities=np.stack([np.maximum(disc, core), core]))
    assert compare(folders, "--lesions", "15", "30", "--boxes") == 0
    report = (folders / "out" / "report.md").read_text()
    assert "without ensembles, FROC and detection: small (trained with other labels or regions)" in report
    assert {row["model"] for row in rows_of(folders / "out")} == {"perfect", "small"}
    assert {row["model"] for row in rows_of(folders / "out", "boxes.csv")} == {"perfect"}
    assert compare(folders, "--boxes", models=("small",)) == 1
    assert "no model has those of all cases: small has those of other labels" in capsys.readouterr().err

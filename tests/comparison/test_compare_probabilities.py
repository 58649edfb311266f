"""The verb `compare` and probabilities that were saved beside predictions."""

import shutil

import numpy as np
import pytest

from tests.comparison.prediction_folders import compare
from tests.tables import rows_of
from tests.tiny_data import read


def save_probabilities(folder, change=lambda probabilities: probabilities):
    """Beside every segmentation, as nnU-Net does; `change` spoils those of one case."""
    shutil.copy(folder.parent / "dataset.json", folder)
    (folder / "plans.json").write_text("{}")
    for path in folder.glob("*.nii.gz"):
        labels = read(path)
        probabilities = np.stack([labels == label for label in range(3)]).astype(np.float32)
        spoiled = change(probabilities) if path.name == "patient2_visit0.nii.gz" else probabilities
        np.savez(folder / path.name.replace(".nii.gz", ".npz"), probabilities=spoiled)


@pytest.mark.parametrize("flags", [[], ["--lesions", "15", "30"]])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p * np.nan, "no probabilities (NaN"),
        (lambda p: p[:, :1], "has the shape (3, 1, 40, 36), its segmentation needs (3, 5, 40, 36)"),
        (lambda p: p[::-1], "is not what the segmentation beside it was made of"),
    ],
    ids=["nan", "one slice", "of an earlier model"],
)
def test_probabilities_that_are_not_the_segmentations_are_refused(folders, capsys, flags, change, message):
    save_probabilities(folders / "perfect")
    save_probabilities(folders / "small", change)
    assert compare(folders, *flags) == 1
    error = capsys.readouterr().err
    assert f"FAILED small, patient2_visit0: {folders / 'small' / 'patient2_visit0.npz'} " in error
    assert message in error
    assert "perfect" not in error.replace(str(folders), "")
    assert not (folders / "out" / "report.html").exists()


def test_a_model_that_saved_probabilities_of_some_cases_only_is_named_as_left_out(folders):
    for name in ("perfect", "small"):
        save_probabilities(folders / name)
    (folders / "small" / "patient2_visit0.npz").unlink()
    assert compare(folders) == 0
    report = (folders / "out" / "report.md").read_text()
    assert "in no ensemble, and no FROC curve: small (1 of 16 cases without saved probabilities)" in report
    assert {row["model"] for row in rows_of(folders / "out")} == {"perfect", "small"}

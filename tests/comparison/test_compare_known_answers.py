"""The command `compare` on lesions with known answers: the tables "Lesions", "FROC" and "Within the stack"."""

import json

import numpy as np
import pytest

from tests.comparison.prediction_folders import compare
from tests.comparison.test_compare_runs import table_row
from tests.tables import rows_of
from tests.tiny_data import TinyDataset, write

MODELS = ("perfect", "other")
CORE = 2  # the label of all lesions, and its channel


@pytest.fixture
def root(tmp_path):
    for name in ("truth", *MODELS):
        (tmp_path / name).mkdir()
    (tmp_path / "dataset.json").write_text(json.dumps(TinyDataset(1, "Tiny").dataset_json))
    return tmp_path


def lesion(widths=(6, 6, 6, 6, 6)) -> np.ndarray:
    """Label map (S, H, W) of one lesion of six rows, its columns in each slice given; in full 12.7 mm in diameter."""
    labels = np.zeros((5, 20, 24), np.uint8)
    for i, width in enumerate(widths):
        labels[i, 2:8, 2 : 2 + width] = CORE
    return labels


def write_case(root, case, truth, other):
    for name, labels in (("truth", truth), ("perfect", truth), ("other", other)):
        write(labels, root / name / f"{case}.nii.gz")


def cells(root, title, model):
    return table_row((root / "out" / "report.md").read_text(), title, f"| core | {model} ")[2:]


def test_lesions_and_false_positives_are_counted_and_sizes_are_as_asked_for(root):
    write_case(root, "a", lesion(), lesion((2, 3, 4, 5, 6)))  # Dice 0.8
    truth, other = lesion(), lesion()
    truth[2, 14:16, 14:16] = CORE  # missed; its diameter is 3.6 mm
    other[0, 18, [2, 8, 14, 20]] = CORE  # four false positives
    write_case(root, "b", truth, other)
    assert compare(root, "--lesions", "5", "20", models=MODELS) == 0
    assert cells(root, "Lesions", "perfect") == ["3", "1.000", "0.00", "1.000", "1.000 ± 0.000", "n/a"]
    assert cells(root, "Lesions", "other") == ["3", "0.667", "2.00", "0.000", "0.900 ± 0.141", "n/a"]
    assert compare(root, "--lesions", "5", "10", models=MODELS) == 0
    assert cells(root, "Lesions", "other") == ["3", "0.667", "2.00", "0.000", "n/a", "0.900 ± 0.141"]


def test_each_fifth_of_a_structure_has_its_column(root):
    write_case(root, "a", lesion(), lesion((2, 3, 4, 5, 6)))
    assert compare(root, models=MODELS) == 0
    assert cells(root, "Within the stack", "perfect") == ["1.000"] * 5 + ["0.000"]
    # Dice 2 w / (w + 6) of each slice; its overlap with the next is 2 w / (2 w + 1) in place of 1.
    fifths, continuity_error = ["0.500", "0.667", "0.800", "0.909", "1.000"], "0.136"
    assert cells(root, "Within the stack", "other") == [*fifths, continuity_error]


def write_scored(root, case, truth, **scores):
    """Ground truth, and each model's segmentation and probabilities; slices are along the last axis of the files."""
    write(np.moveaxis(truth, 0, 2), root / "truth" / f"{case}.nii.gz", spacing=(6.0, 1.0, 1.0))
    for name, score in scores.items():
        labels = np.where(score > 0.5, CORE, 0).astype(np.uint8)
        write(np.moveaxis(labels, 0, 2), root / name / f"{case}.nii.gz", spacing=(6.0, 1.0, 1.0))
        probabilities = np.stack([1 - score, 0 * score, score])
        np.savez(root / name / f"{case}.npz", probabilities=np.moveaxis(probabilities, 1, 3))
        (root / name / f"{case}.pkl").touch()


def test_froc_is_of_the_structures_own_probabilities_in_evaluated_voxels(root):
    description = json.loads((root / "dataset.json").read_text())
    description["labels"]["ignore"] = 3
    (root / "dataset.json").write_text(json.dumps(description))
    for i, score in enumerate((0.92, 0.92, 0.62, 0)):  # of the lesion in four cases, by the other model
        truth = lesion()
        truth[:, 10:] = 3
        perfect = (truth == CORE).astype(np.float32)
        other = score * perfect
        if i == 0:
            other[1, 2:5, 20:23] = 0.72  # a false positive
        perfect[1:3, 14:17, 3:6] = other[1:3, 14:17, 3:6] = 1  # not evaluated
        write_scored(root, f"case_{i}", truth, perfect=perfect, other=other)
    flags = "--lesions", "15", "30", "--no-ensembles"
    assert compare(root, *flags, models=MODELS) == 0
    core = [row for row in rows_of(root / "out", "froc.csv") if row["structure"] == "core"]
    of_perfect = [row for row in core if row["model"] == "perfect"]
    assert len(of_perfect) == len(core) / 2 == 4 * 19  # cases, thresholds
    assert {(row["lesions"], row["found"], row["false_positives"]) for row in of_perfect} == {("1", "1", "0")}
    assert cells(root, "FROC", "perfect") == ["1.000"] * 7
    # Up to a threshold of 0.6 three of four lesions with one false positive in four volumes, above 0.72 two with none.
    assert cells(root, "FROC", "other") == ["0.500"] + ["0.750"] * 6

    assert not (root / "out" / "boxes.csv").exists()
    assert compare(root, *flags, "--boxes", models=MODELS) == 0  # of the same files: evaluated again
    assert (root / "out" / "boxes.csv").exists()

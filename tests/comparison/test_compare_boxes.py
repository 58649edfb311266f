"""The command `compare --boxes`: detection by the boxes of connected components."""

import re

import numpy as np
import pytest

from nnunet_slice_attention.evaluation.detection import detection_metrics, pool
from tests.comparison.prediction_folders import PATIENTS, compare
from tests.comparison.run_folders import DATASET, OTHER, PER_FOLD, compare_runs, write_runs
from tests.comparison.test_compare_probabilities import save_probabilities
from tests.comparison.test_compare_runs import table_row
from tests.tables import rows_of
from tests.tiny_data import read, write


def spoil(folder):
    """Both cases of a patient lack both structures; the score of a stray component in another case is 0.7."""
    for visit in range(2):
        file = folder / f"patient0_visit{visit}.nii.gz"
        write(np.zeros_like(read(file)), file)
    file = folder / "patient2_visit0.nii.gz"
    labels = read(file)
    labels[1, :2, :3] = 1
    write(labels, file)

    def stray(probabilities):
        probabilities[:, 1, :2, :3] = np.array([0.3, 0.7, 0])[:, None, None]
        return probabilities

    save_probabilities(folder, stray)


def cells(folders, model, images, structure="disc"):
    report = (folders / "out" / "report.md").read_text()
    return table_row(report, "Detection", f"| {structure} | {model} | {images} |")[2:]


def test_the_table_and_the_file_it_can_be_recomputed_from(folders):
    save_probabilities(folders / "perfect")
    spoil(folders / "small")
    assert compare(folders, "--boxes", "--no-ensembles", "--group", r"(patient\d+)_") == 0
    perfect = ["1.000 [1.000, 1.000]"] * 4
    assert cells(folders, "perfect", "volumes") == ["volumes", "16", "16", "16", *perfect]
    assert cells(folders, "perfect", "slices") == ["slices", "80", "80", "80", *perfect]
    volumes, slices = cells(folders, "small", "volumes"), cells(folders, "small", "slices")
    assert volumes[1:4] == ["16", "16", "15"] and slices[1:4] == ["80", "80", "71"]
    for row in (volumes, slices):  # 7 of 8 patients' structures, the stray component last
        assert [cell.split()[0] for cell in row[4:]] == ["0.871", "0.875", "0.875", "0.875"]  # AP50: 88 / 101
        low, high = map(float, re.findall(r"[\d.]+(?=[,\]])", row[4]))
        assert 0.3 < low < 0.871 < high == 1
    report = (folders / "out" / "report.md").read_text()
    assert f"of {PATIENTS} patients; in brackets" in report and "Not in this table" not in report

    boxes, cases = rows_of(folders / "out", "boxes.csv"), rows_of(folders / "out")
    assert {row["structure"] for row in boxes} == {"disc", "core"}
    axes = [f"axis{axis}_{end}" for axis in range(3) for end in ("min", "max")]
    (stray,) = (
        row for row in boxes if row["score"] and float(row["score"]) < 1 and row["images"] == "volumes"
    )
    assert [stray[column] for column in ("case", *axes)] == ["patient2_visit0", *"120203"]
    assert stray["matched"] == "0" and float(stray["score"]) == pytest.approx(0.7)
    for model in ("perfect", "small"):
        for images in ("volumes", "slices"):
            again = detection_metrics(pool(recomputed(cases, boxes, model, "disc"), images))
            shown = [cell.split()[0] for cell in cells(folders, model, images)[4:]]
            assert [f"{estimate.value:.3f}" for estimate in again] == shown


def recomputed(cases, boxes, model, structure):
    found = [row for row in cases if (row["model"], row["structure"]) == (model, structure)]
    own = [row for row in boxes if (row["model"], row["structure"]) == (model, structure)]
    for row in own:
        row["matched"], row["score"] = int(row["matched"]), row["score"] and float(row["score"])
    return [
        {
            "patient": row["patient"],
            "slices": int(row["slices"]),
            "boxes": [box for box in own if box["case"] == row["case"]],
        }
        for row in found
    ]


def test_slices_along_another_axis_give_the_same_table_and_the_files_axes(folders):
    spoil(folders / "small")
    for path in [path for name in ("truth", "small") for path in (folders / name).glob("*.nii.gz")]:
        write(np.moveaxis(read(path), 0, 2), path, spacing=(6.0, 1.0, 1.0))
    for path in (folders / "small").glob("*.npz"):
        np.savez(path, probabilities=np.moveaxis(np.load(path)["probabilities"], 1, 3))
    assert compare(folders, "--boxes", models=("small",)) == 0
    for images, counts in (("volumes", ["16", "16", "15"]), ("slices", ["80", "80", "71"])):
        row = cells(folders, "small", images)[1:]
        assert row[:3] == counts
        assert [cell.split()[0] for cell in row[3:]] == ["0.871", "0.875", "0.875", "0.875"]
    boxes = [row for row in rows_of(folders / "out", "boxes.csv") if row["score"] and float(row["score"]) < 1]
    axes = [f"axis{axis}_{end}" for axis in range(3) for end in ("min", "max")]
    assert [[box[column] for column in axes] for box in boxes] == [
        list("020312")
    ] * 2  # in 3D and in its slice


def test_a_model_without_probabilities_is_named_with_the_next_step(folders, capsys):
    assert compare(folders, "--boxes") == 1
    error = capsys.readouterr().err
    assert "of all cases: perfect lacks 16 of 16, small lacks 16 of 16. Predict again with" in error
    assert not (folders / "out").exists()
    save_probabilities(folders / "perfect")
    assert compare(folders, "--boxes") == 0
    report = (folders / "out" / "report.md").read_text()
    assert (
        "Not in this table: small (16 of 16 cases without saved probabilities). For their scores, predict again with "
        "--save_probabilities"
    ) in report
    assert {row["model"] for row in rows_of(folders / "out", "boxes.csv")} == {"perfect"}


def test_the_images_of_several_runs_are_pooled(nnunet_folders, tmp_path, monkeypatch):
    write_runs(tmp_path)
    monkeypatch.setattr(
        "nnunet_slice_attention.comparison.ground_truth.nnUNet_preprocessed", str(tmp_path / "preprocessed")
    )
    for path in tmp_path.glob(f"seed_*/{DATASET.folder}/{OTHER}/fold_0/validation/*.nii.gz"):
        labels = read(path)
        probabilities = np.stack([labels == label for label in range(3)]).astype(np.float32)
        np.savez(path.with_name(path.name.replace(".nii.gz", ".npz")), probabilities=probabilities)
        path.with_name(path.name.replace(".nii.gz", ".pkl")).touch()
    seeds = ("seed_0", "seed_1")
    assert compare_runs(tmp_path, "--boxes", seeds=seeds, folds=["0"], models=[OTHER]) == 0
    boxes = rows_of(tmp_path / "out", "boxes.csv")
    assert {(row["model"], row["run"]) for row in boxes} == {(OTHER, seed) for seed in seeds}
    assert cells(tmp_path, OTHER.split("__")[0], "volumes")[1:3] == [str(2 * PER_FOLD)] * 2
    assert (
        f"of {PER_FOLD} patients, each in 2 results folders" in (tmp_path / "out" / "report.md").read_text()
    )

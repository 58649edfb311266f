"""`compare --images`: which slices the report shows, with which labels and attention weights."""

import json
import os

import numpy as np
from matplotlib.figure import Figure

from nnunet_slice_attention.report import page
from nnunet_slice_attention.report.overlays import overlay_figure
from tests.comparison.prediction_folders import compare, write_images
from tests.tiny_data import read, write


def test_examples_show_the_cases_with_the_highest_and_lowest_difference(folders, monkeypatch):
    write_images(folders)
    best, worst = "patient2_visit1", "patient5_visit0"
    truth = read(folders / "truth" / f"{best}.nii.gz")
    prediction = truth.copy()
    prediction[3, 0, 0] = 1  # one voxel wrong, in the fourth of five slices
    write(prediction, folders / "small" / f"{best}.nii.gz")
    write(np.zeros_like(truth), folders / "small" / f"{worst}.nii.gz")

    drawn = []
    monkeypatch.setattr(
        page, "overlay_figure", lambda shown: drawn.append((shown, overlay_figure(shown))) or drawn[-1][1]
    )
    assert compare(folders, "--images", str(folders / "images")) == 0
    ((examples, figure),) = drawn  # of the model against the baseline
    (highest, case, difference), (median, _, _), lowest = (e.title.split("\n") for e in examples)
    assert (highest, case, median) == ("highest", best, "median")
    assert difference in ("-0.000 Dice", "-0.001 Dice", "-0.002 Dice")
    assert lowest == ["lowest", worst, "-1.000 Dice"]
    best_example = examples[0]
    for volume, expected in (
        (best_example.image, 10 * truth),
        (best_example.truth, truth),
        (best_example.baseline, truth),
        (best_example.model, prediction),
    ):
        np.testing.assert_array_equal(volume, expected)
    titles = [axis.get_title() for axis in figure.axes[:3]]
    assert titles == [
        "slice 3 of 5",
        "slice 4 of 5",
        "slice 5 of 5",
    ]  # where the two differ, and its neighbours
    assert (folders / "out" / "report.html").read_text().count("<img") == 1


def test_ignored_voxels_are_not_shown(folders, monkeypatch):
    write_images(folders)
    description = json.loads((folders / "dataset.json").read_text())
    ignore = description["labels"]["ignore"] = max(description["labels"].values()) + 1
    (folders / "dataset.json").write_text(json.dumps(description))
    for path in (folders / "truth").iterdir():
        truth = read(path)
        truth[2] = ignore
        write(truth, path)
    shown = []
    monkeypatch.setattr(page, "overlay_figure", lambda examples: shown.extend(examples) or Figure())
    assert compare(folders, "--images", str(folders / "images")) == 0
    assert shown
    for example in shown:
        for labels in (example.truth, example.baseline, example.model):
            assert not labels[2].any() and labels[1].any()


def test_weights_beside_predictions_are_in_the_report(folders, capsys):
    write_images(folders)
    (folders / "small" / "attention").mkdir()
    for path in (folders / "small").glob("*.nii.gz"):
        weights = np.full(read(path).shape, 30, np.uint8)
        write(weights, folders / "small" / "attention" / path.name.replace(".nii.gz", "_-1.nii.gz"))
    flags = "--images", str(folders / "images")
    named = '"name": "small, previous slice"'

    def page() -> str:
        assert compare(folders, *flags) == 0
        return (folders / "out" / "report.html").read_text()

    assert named not in page()  # without the table the volumes may be incomplete
    volumes = list((folders / "small" / "attention").iterdir())
    tables = [path.with_name(path.name.replace("_-1.nii.gz", ".csv")) for path in volumes]
    for table in tables:
        table.touch()
    assert named in (text := page()) and named.replace("small", "perfect") not in text
    for path in volumes:
        write(read(path)[:, 1:], path)
    assert compare(folders, *flags) == 1
    assert "_-1.nii.gz has shape (5, 39, 36), but its prediction has (5, 40, 36)" in capsys.readouterr().err
    for table in tables:
        os.utime(table, (1, 1))  # the case has been predicted again since
    assert named not in page()


def test_images_of_another_shape_are_refused(folders, capsys):
    (folders / "images").mkdir()
    for path in (folders / "truth").iterdir():
        write(read(path)[:, 1:], folders / "images" / path.name.replace(".nii.gz", "_0000.nii.gz"))
    assert compare(folders, "--images", str(folders / "images")) == 1
    assert (
        "_0000.nii.gz has shape (5, 39, 36), but its ground truth has (5, 40, 36)" in capsys.readouterr().err
    )
    assert [path.name for path in (folders / "out").iterdir()] == ["evaluated"]  # no part of a report

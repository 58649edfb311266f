"""The command `compare` on folders of predictions."""

import json
import os
import re
import shutil
import subprocess

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from nnunet_slice_attention.cost.training_costs import training_costs
from nnunet_slice_attention.report import page
from nnunet_slice_attention.report.overlays import overlay_figure
from tests.browser import CHROMIUM
from tests.comparison.prediction_folders import PATIENTS, compare
from tests.tables import rows_of
from tests.tiny_data import read, write


def test_folders_are_compared_patient_by_patient(folders):
    assert compare(folders, "--group", r"(patient\d+)_", "--lesions", "15", "30") == 0
    rows = rows_of(folders / "out")
    assert len(rows) == 2 * 2 * PATIENTS * 3  # models, visits, patients, structures
    assert all(row["dice"] == "1.0" for row in rows if row["model"] == "perfect")
    small = [float(row["dice"]) for row in rows if (row["model"], row["structure"]) == ("small", "disc")]
    assert 0.4 < min(small) < max(small) < 0.95
    report = (folders / "out" / "report.md").read_text()
    assert re.search(
        r"- small minus perfect: -0\.\d+ \[.*n = 8, corrected p = 0\.0078: small is worse\.", report
    )
    assert re.search(
        r"\| mean of classes \| small \|.*\| 0\.00781 \| 0\.00781 \|", report
    )  # the verdict's family
    assert re.search(r"\| disc \| small \|.*\| 0\.00781 \| 0\.0234 \|", report)  # of three structures
    assert f"pooled over {2 * PATIENTS} volumes of {PATIENTS} patients" in report
    for title in (
        "Accuracy",
        "Differences",
        "Differences in surface metrics",
        "Lowest differences",
        "Within the stack",
        "Lesions",
    ):
        assert f"## {title}" in report
    assert r"- patients: 8, by (patient\d+)_" in report
    assert "- differing headers of ground truth and prediction: none" in report
    manifest = json.loads((folders / "out" / "manifest.json").read_text())
    assert set(manifest["models"]) == {"perfect", "small"}
    html = (folders / "out" / "report.html").read_text()
    assert html.count("<svg") == 4
    assert not re.search(r'(?:src|href)="(?!#|data:)', html)  # self-contained


def test_ground_truth_without_predictions_is_named(folders):
    for name in ("perfect", "small"):
        (folders / name / "patient3_visit1.nii.gz").unlink()
    assert compare(folders) == 0
    assert (
        "- ground truth without predictions: patient3_visit1\n" in (folders / "out" / "report.md").read_text()
    )


def test_dice_by_slice_spacing_if_it_differs(folders):
    for name in ("truth", "perfect", "small"):
        file = folders / name / "patient0_visit0.nii.gz"
        write(read(file), file, spacing=(1.0, 1.0, 9.0))
    assert compare(folders) == 0
    report = (folders / "out" / "report.md").read_text()
    assert "## By slice spacing" in report
    assert "9 mm |" in report
    assert (folders / "out" / "report.html").read_text().count("<svg") == 5


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium to open the page with")
def test_a_browser_renders_the_page_offline(folders):
    assert compare(folders) == 0
    html, shot = folders / "out" / "report.html", folders / "page.png"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1000,1400", f"--screenshot={shot}"]
    offline = "--host-resolver-rules=MAP * ~NOTFOUND"
    subprocess.run([CHROMIUM, *flags, offline, html.as_uri()], check=True, capture_output=True, timeout=120)
    pixels = imread(shot)[..., :3]
    assert pixels.shape[:2] == (1400, 1000)
    assert (pixels < 0.5).any(axis=(1, 2)).mean() > 0.2  # not an empty or broken page


def test_repeating_evaluates_only_models_that_changed(folders, monkeypatch):
    assert compare(folders) == 0
    first = (folders / "out" / "cases.csv").read_bytes()
    (cached,) = [p for p in (folders / "out" / "evaluated").iterdir() if "perfect" in p.read_text()]
    before = cached.stat().st_mtime_ns
    shutil.copy(folders / "truth" / "patient0_visit0.nii.gz", folders / "small")
    assert compare(folders) == 0
    assert cached.stat().st_mtime_ns == before
    assert (folders / "out" / "cases.csv").read_bytes() != first


def test_an_unreadable_case_is_named_and_no_report_is_written(folders, capsys):
    write(np.zeros((2, 3, 3), np.uint8), folders / "small" / "patient3_visit1.nii.gz")
    assert compare(folders) == 1
    assert "FAILED small, patient3_visit1: " in capsys.readouterr().err
    assert not (folders / "out" / "report.html").exists()


def test_a_failing_call_leaves_no_earlier_report(folders):
    assert compare(folders, "--lesions", "15", "30") == 0
    write(np.zeros((2, 3, 3), np.uint8), folders / "small" / "patient3_visit1.nii.gz")
    assert compare(folders) == 1
    left = {path.name for path in (folders / "out").iterdir()}
    assert left == {"evaluated"}


def test_hallucinations_count_in_the_verdict_although_the_other_model_has_no_value(folders):
    for visit in (0, 1):
        for patient in range(PATIENTS // 2):  # healthy; "small" hallucinates
            name = f"patient{patient}_visit{visit}.nii.gz"
            for folder in ("truth", "perfect"):
                write(np.zeros_like(read(folders / "truth" / name)), folders / folder / name)
    assert compare(folders, "--group", r"(patient\d+)_") == 0
    report = (folders / "out" / "report.md").read_text()
    difference = float(re.search(r"- small minus perfect: (-0\.\d+)", report)[1])
    assert difference < -0.5
    assert "n = 8" in report


def test_images_of_another_shape_are_refused(folders, capsys):
    (folders / "images").mkdir()
    for path in (folders / "truth").iterdir():
        write(read(path)[:, 1:], folders / "images" / path.name.replace(".nii.gz", "_0000.nii.gz"))
    assert compare(folders, "--images", str(folders / "images")) == 1
    assert (
        "_0000.nii.gz has shape (5, 39, 36), but its ground truth has (5, 40, 36)" in capsys.readouterr().err
    )
    assert [path.name for path in (folders / "out").iterdir()] == ["evaluated"]  # no part of a report


def test_weights_beside_predictions_are_in_the_report(folders, capsys):
    (folders / "images").mkdir()
    for path in (folders / "truth").iterdir():
        write(10 * read(path), folders / "images" / path.name.replace(".nii.gz", "_0000.nii.gz"))
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


def test_ignored_voxels_are_not_shown(folders, monkeypatch):
    (folders / "images").mkdir()
    description = json.loads((folders / "dataset.json").read_text())
    ignore = description["labels"]["ignore"] = max(description["labels"].values()) + 1
    (folders / "dataset.json").write_text(json.dumps(description))
    for path in (folders / "truth").iterdir():
        truth = read(path)
        write(10 * truth, folders / "images" / path.name.replace(".nii.gz", "_0000.nii.gz"))
        truth[2] = ignore
        write(truth, path)
    shown = []
    monkeypatch.setattr(page, "overlay_figure", lambda examples: shown.extend(examples) or Figure())
    assert compare(folders, "--images", str(folders / "images")) == 0
    for example in shown:
        for labels in (example.truth, example.baseline, example.model):
            assert not labels[2].any() and labels[1].any()


def test_examples_show_the_cases_with_the_highest_and_lowest_difference(folders, monkeypatch):
    (folders / "images").mkdir()
    for path in (folders / "truth").iterdir():
        write(10 * read(path), folders / "images" / path.name.replace(".nii.gz", "_0000.nii.gz"))
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


def test_names_are_escaped_in_the_page(folders):
    (folders / "perfect").rename(folders / "a<b")
    assert compare(folders, models=("a<b", "small")) == 0
    html = (folders / "out" / "report.html").read_text()
    assert "a<b" not in html
    assert "a&lt;b" in html


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--reference", "other"],
            "--reference 'other' is not one of the models. Give one of perfect, small",
        ),
        (["--group", "study"], "--group 'study' does not match case patient0_visit0"),
        (["--group", "("], "neither a file nor a valid regular expression"),
        (["--truth", "nowhere"], "nowhere is not a folder"),
        (["--predictions", "perfect"], "--predictions 'perfect' is not NAME=FOLDER"),
        (
            ["--predictions", "a=perfect", "a=small"],
            "a: given more than once. Give every model a unique name",
        ),
        (["--predictions", "a + b=perfect"], "' + ' is reserved for ensembles"),
        (["--images", "nowhere"], "nowhere is not a folder"),
        (["-m", "A__B__C"], "give either -d and -m"),
        (["-d", "27"], "-d is for trained models"),
        (["--runs", "seed_0", "seed_1"], "--runs is for trained models"),
        (["--tolerance", "0"], "--tolerance 0 must be above 0 mm"),
        (
            ["--lesions", "30", "15"],
            "--lesions 30 15: the first diameter must be above 0 and below the second",
        ),
        (["--group", r"\d*?"], "does not match case patient0_visit0"),
    ],
)
def test_a_usage_error_is_one_sentence(folders, capsys, flags, message):
    assert compare(folders, *flags) == 1
    assert message in capsys.readouterr().err
    assert not (folders / "out").exists()


def test_missing_cases_are_named(folders, capsys):
    (folders / "small" / "patient1_visit0.nii.gz").unlink()
    assert compare(folders) == 1
    assert "only perfect has patient1_visit0" in capsys.readouterr().err
    (folders / "perfect" / "patient1_visit0.nii.gz").unlink()
    (folders / "truth" / "patient2_visit0.nii.gz").unlink()
    assert compare(folders) == 1
    assert "lacks the ground truth of patient2_visit0" in capsys.readouterr().err


def test_a_single_case_gets_no_verdict(folders):
    for path in (folders / "perfect").glob("*visit1*"):
        path.unlink()
    for path in list((folders / "perfect").glob("*.nii.gz"))[1:]:
        path.unlink()
    shutil.copytree(folders / "perfect", folders / "again")
    assert compare(folders, models=("perfect", "again")) == 0
    assert "n = 1 is too small for an interval" in (folders / "out" / "report.md").read_text()


def test_accuracy_is_plotted_against_cost(folders):
    cost = folders / "cost.csv"
    cost.write_text("model,step_s,slices_per_step\nsmall,0.5,10\nsmall,0.7,10\nsmall,0.6,10\n")
    assert training_costs(cost, ["perfect", "small"]) == {"small": pytest.approx(60)}
    assert compare(folders, "--cost", str(cost)) == 0
    assert "Accuracy against cost" in (folders / "out" / "report.html").read_text()
    cost.write_text("model,step_s,slices_per_step\nA_5epochs__B__C,1,10\nA__B__C,2,10\n")
    assert training_costs(cost, ["A_50epochs__B__C"]) == {"A_50epochs__B__C": pytest.approx(200)}
    with pytest.raises(ValueError, match="none of the models perfect"):
        training_costs(cost, ["perfect"])

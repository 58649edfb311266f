"""The command `compare` on folders of predictions."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from nnunet_slice_attention.cost.training_costs import training_costs
from nnunet_slice_attention.report import page
from tests.browser import CHROMIUM
from tests.comparison.prediction_folders import PATIENTS, compare, write_images
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
    assert re.search(r"- small is worse than perfect: -0\.\d+ \[.*n = 8, corrected p = 0\.008\.", report)
    # The verdict's family.
    assert re.search(r"\| mean of classes \| small \|.*\| 0\.008 \| 0\.008 \|", report)
    assert re.search(r"\| disc \| small \|.*\| 0\.008 \| 0\.023 \|", report)  # of three structures
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


def test_another_model_than_the_first_can_be_the_baseline(folders, monkeypatch):
    write_images(folders)
    drawn = []
    monkeypatch.setattr(page, "overlay_figure", lambda examples: drawn.extend(examples) or Figure())
    assert compare(folders, "--baseline", "small", "--images", str(folders / "images")) == 0
    report = (folders / "out" / "report.md").read_text()
    assert re.search(r"^- perfect is better than small: \+0\.\d+ \[", report, re.MULTILINE)
    assert "- baseline: small\n" in report
    manifest = json.loads((folders / "out" / "manifest.json").read_text())
    assert manifest["options"]["baseline"] == "small"
    assert drawn
    for example in drawn:
        case = example.title.split("\n")[1]
        np.testing.assert_array_equal(example.baseline, read(folders / "small" / f"{case}.nii.gz"))
        np.testing.assert_array_equal(example.model, read(folders / "perfect" / f"{case}.nii.gz"))


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


def test_repeating_evaluates_only_models_that_changed(folders):
    assert compare(folders) == 0
    first = (folders / "out" / "cases.csv").read_bytes()
    (cached,) = [p for p in (folders / "out" / "evaluated").iterdir() if "perfect" in p.read_text()]
    before = cached.stat().st_mtime_ns
    shutil.copy(folders / "truth" / "patient0_visit0.nii.gz", folders / "small")
    assert compare(folders) == 0
    assert cached.stat().st_mtime_ns == before
    assert (folders / "out" / "cases.csv").read_bytes() != first


def test_repeating_with_another_tolerance_or_ground_truth_evaluates_again(folders):
    def values(metric):
        """{(case, model): its value for the disc}."""
        rows = [row for row in rows_of(folders / "out") if row["structure"] == "disc"]
        return {(row["case"], row["model"]): float(row[metric]) for row in rows}

    assert compare(folders) == 0
    assert set(values("nsd").values()) == {1.0}  # "small" is 1 mm off
    assert compare(folders, "--tolerance", "0.5") == 0
    assert all((nsd < 0.9) == (model == "small") for (_, model), nsd in values("nsd").items())
    assert "| NSD at 0.5 mm |" in (folders / "out" / "report.md").read_text()

    before = values("dice")
    file = folders / "truth" / "patient1_visit0.nii.gz"
    labels = read(file)
    labels[0] = 0
    write(labels, file)
    assert compare(folders, "--tolerance", "0.5") == 0
    after = values("dice")
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {("patient1_visit0", "perfect"), ("patient1_visit0", "small")}


def test_hallucinations_count_in_the_verdict_although_the_other_model_has_no_value(folders):
    for visit in (0, 1):
        for patient in range(PATIENTS // 2):  # healthy; "small" hallucinates
            name = f"patient{patient}_visit{visit}.nii.gz"
            for folder in ("truth", "perfect"):
                write(np.zeros_like(read(folders / "truth" / name)), folders / folder / name)
    assert compare(folders, "--group", r"(patient\d+)_") == 0
    report = (folders / "out" / "report.md").read_text()
    difference = float(re.search(r"small .* perfect: (-0\.\d+)", report)[1])
    assert difference < -0.5
    assert "n = 8" in report


def test_names_are_escaped_in_the_page(folders):
    (folders / "perfect").rename(folders / "a<b")
    assert compare(folders, models=("a<b", "small")) == 0
    html = (folders / "out" / "report.html").read_text()
    assert "a<b" not in html
    assert "a&lt;b" in html


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
    cost.write_text("model,schedule_s\nsmall,0.5\nsmall,0.7\nsmall,0.6\n")
    assert training_costs(cost, ["perfect", "small"]) == {"small": pytest.approx(600)}
    assert compare(folders, "--cost", str(cost)) == 0
    assert "Accuracy against cost" in (folders / "out" / "report.html").read_text()
    cost.write_text("model,schedule_s\nA_5epochs__B__C,0.1\nA__B__C,0.2\n")
    assert training_costs(cost, ["A_50epochs__B__C"]) == {"A_50epochs__B__C": pytest.approx(200)}
    with pytest.raises(ValueError, match="none of the models perfect"):
        training_costs(cost, ["perfect"])

"""`compare` on 3D TIFF: mm and ml are those of the spacing files, wherever they are, and never voxels."""

import json

import pytest

from nnunet_slice_attention.cli import main
from nnunet_slice_attention.comparison.cached_evaluation import evaluate_models
from nnunet_slice_attention.comparison.find_models import prediction_folder
from nnunet_slice_attention.comparison.ground_truth import GroundTruth
from nnunet_slice_attention.comparison.options import Options
from nnunet_slice_attention.comparison.truth_spacing import with_spacings
from tests.comparison.tiff_models import MODELS, remove_spacing
from tests.tables import rows_of
from tests.tiny_tiff import CASES, DATASET, SPACING, labels_of, write_spacing


def compare_trained(tiff, models=MODELS[1:]) -> int:
    argv = ["compare", "-d", DATASET.folder, "-m", *models, "-f", "0", "-np", "1", "--no-ensembles"]
    return main([*argv, "-o", str(tiff.out)])


def compare_folders(tiff) -> int:
    argv = ["compare", "--predictions", f"p={tiff.validation}", "--truth", str(tiff.truth), "-np", "1"]
    return main([*argv, "--dataset-json", str(tiff.raw / "dataset.json"), "-o", str(tiff.out)])


def evaluate(tiff, images=None) -> tuple[list[dict], list[str]]:
    """What `compare` evaluates, or reads from its cache, without the report."""
    truth = GroundTruth.from_folder(tiff.truth, tiff.raw / "dataset.json", images)
    model = prediction_folder("p", tiff.validation, truth.dataset_json)
    return evaluate_models([model], with_spacings(truth, CASES), 0, tiff.out, Options("p", processes=1))


def check_mm(rows, spacing_mm=SPACING[0]) -> None:
    """Predictions lack the first slice, so HD is the distance of two slices."""
    rows = [row for row in rows if row["structure"] == "core"]
    assert {row["case"] for row in rows} == {*CASES}
    for row in rows:
        ml = (labels_of(row["case"]) == 2).sum() * spacing_mm / 1000
        assert float(row["true_volume_ml"]) == pytest.approx(ml, abs=1e-3)
        assert float(row["hd"]) == float(row["spacing_mm"]) == spacing_mm


def test_trained_models_are_compared_in_mm(tiff, capfd):
    assert compare_trained(tiff, MODELS) == 0
    check_mm(rows_of(tiff.out))
    printed = "".join(capfd.readouterr())
    assert "WARNING" not in printed and "Traceback" not in printed
    manifest = json.loads((tiff.out / "manifest.json").read_text())
    assert manifest["dataset"]["truth_spacings_mm"] == {case: list(SPACING) for case in CASES}


def test_an_unknown_spacing_is_an_error_that_names_files_and_next_step(tiff, capsys):
    remove_spacing(tiff.raw / "imagesTr", tiff.raw / "labelsTr")
    assert compare_trained(tiff) == 1
    searched = (tiff.truth, tiff.raw / "labelsTr", tiff.raw / "imagesTr")
    files = ", ".join(f"{folder}/case_0.json" for folder in searched)
    assert (
        f"the spacing of {tiff.truth}/case_0.tif (and of 3 more) is unknown, and metrics in mm and ml need it: {files} "
        'do not exist. Write {"spacing": [z, y, x]}, in mm, to one of them, also for 1 mm'
    ) in capsys.readouterr().err
    assert not (tiff.out / "cases.csv").exists()


def test_folders_without_spacing_are_refused_whatever_the_predictions_say(tiff, capsys):
    for spacing in (SPACING, (1.0, 1.0, 1.0), None):
        for case in CASES:
            (tiff.validation / f"{case}.json").unlink(missing_ok=True)
            if spacing:
                write_spacing(tiff.validation, case, spacing)
        assert compare_folders(tiff) == 1
        error = capsys.readouterr().err
        assert (
            f"case_0.tif (and of 3 more) is unknown, and metrics in mm and ml need it: {tiff.truth}" in error
        )
        assert not (tiff.out / "cases.csv").exists()


def test_damaged_spacing_files_are_named(tiff, capsys):
    (tiff.raw / "labelsTr" / "case_2.json").write_text('{"spacing": [1')
    assert compare_trained(tiff) == 1
    assert f"{tiff.raw}/labelsTr/case_2.json is damaged: " in capsys.readouterr().err
    write_spacing(tiff.raw / "labelsTr", "case_2")
    (tiff.validation / "case_3.json").write_text("{}")
    assert compare_trained(tiff) == 1
    error = capsys.readouterr().err
    assert f"case_3: {tiff.validation}/case_3.json is damaged: it lacks spacing. Correct it" in error


def test_a_prediction_of_another_spacing_is_refused(tiff, capsys):
    write_spacing(tiff.validation, "case_1", (1.0, 1.0, 1.0))
    assert compare_trained(tiff) == 1
    error = capsys.readouterr().err
    assert f"{tiff.validation}/case_1.tif has spacing (1, 1, 1), but its ground truth" in error
    assert "fix the spacing file that is wrong" in error and "case_0" not in error


def test_cached_rows_are_those_of_the_current_spacings(tiff):
    remove_spacing(tiff.validation)  # other programs write none
    check_mm(evaluate(tiff, tiff.raw / "imagesTr")[0])
    for case in CASES:
        write_spacing(tiff.truth, case, (3.0, 1.0, 1.0))
    check_mm(evaluate(tiff)[0], 3.0)
    (cached,) = tiff.out.iterdir()
    written = cached.stat().st_mtime_ns
    check_mm(evaluate(tiff)[0], 3.0)
    assert cached.stat().st_mtime_ns == written
    write_spacing(tiff.validation, "case_1", (1.0, 1.0, 1.0))
    assert "case_1.tif has spacing (1, 1, 1)" in evaluate(tiff)[1][0]

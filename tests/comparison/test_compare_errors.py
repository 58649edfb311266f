"""`compare` names what is wrong with cases or flags, and leaves no report of it."""

import numpy as np
import pytest

from tests.comparison.prediction_folders import compare
from tests.tiny_data import write


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--baseline", "other"],
            "--baseline 'other' is not one of the models. Give one of perfect, small",
        ),
        (["--group", "study"], "--group 'study' does not match case patient0_visit0"),
        (["--group", "("], "neither a file nor a valid regular expression"),
        (["--truth", "nowhere"], "nowhere is not a folder"),
        (["--predictions", "perfect"], "--predictions 'perfect' is not NAME=FOLDER"),
        (
            ["--predictions", "a=perfect", "a=small"],
            "a: given more than once. Give every model a unique name",
        ),
        (["--predictions", "a + b=perfect"], "predictions 'a + b': ' + ' is reserved for ensembles"),
        (["--images", "nowhere"], "nowhere is not a folder"),
        (["-m", "A__B__C"], "give either -d and -m"),
        (["-d", "27"], "-d is for trained models"),
        (["--runs", "seed_0", "seed_1"], "--runs is for trained models"),
        (["--tolerance", "0"], "--tolerance 0 must be above 0 mm"),
        (
            ["--lesions", "30", "15"],
            "--lesions 30 15: the first diameter must be above 0 and below the second",
        ),
        (["-o", __file__], f"{__file__} is not a folder that you can write to"),
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

"""Inputs of `compare`: tables saved by spreadsheets, damaged files, and inputs in the output folder."""

import csv
import gzip
import json
import os
import shutil

import pytest

from nnunet_slice_attention.comparison import find_best
from nnunet_slice_attention.comparison.find_models import trained_model
from nnunet_slice_attention.comparison.ground_truth import GroundTruth
from nnunet_slice_attention.comparison.patients import group_by
from tests.comparison.prediction_folders import PATIENTS, compare
from tests.tiny_data import read, write

CASES = [f"patient{patient}_visit{visit}" for patient in range(PATIENTS) for visit in range(2)]
ROWS = [("case", "patient"), *((case, f"Müller {case.split('_')[0]}") for case in CASES)]
TABLE = "\r\n".join(",".join(row) for row in ROWS)


@pytest.mark.parametrize(
    "content",
    [
        TABLE.encode(),
        TABLE.encode("utf-8-sig"),
        TABLE.encode("utf-16"),
        TABLE.encode("latin-1"),
        TABLE.replace(",", ";").encode(),
        "\r\n".join(f'"{case}","{patient}"' for case, patient in ROWS).encode() + b"\r\n\r\n,\r\n",
    ],
    ids=["plain", "byte-order mark", "utf-16", "latin-1", "semicolons", "quotes and blank lines"],
)
def test_patients_are_read_from_tables_saved_by_spreadsheets(content, tmp_path):
    path = tmp_path / "patients.csv"
    path.write_bytes(content)
    get_patient = group_by(path)
    assert [(case, get_patient(case)) for case in CASES] == ROWS[1:]


def test_a_table_groups_the_cases_of_a_comparison(folders):
    (folders / "patients.csv").write_bytes(TABLE.encode("utf-16"))
    assert compare(folders, "--group", str(folders / "patients.csv")) == 0
    with (folders / "out" / "cases.csv").open(encoding="utf-8", newline="") as file:
        assert {row["patient"] for row in csv.DictReader(file)} == {patient for _, patient in ROWS[1:]}
    assert f"n = {PATIENTS}" in (folders / "out" / "report.md").read_text()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            TABLE.rsplit("\r\n", 1)[0],
            f"lists no patient for case {CASES[-1]}. Add a line {CASES[-1]},PATIENT",
        ),
        (TABLE + f"\r\n{CASES[0]},other", f"lists case {CASES[0]} more than once"),
        (TABLE.replace(",", "|"), "'case|patient' is not CASE,PATIENT"),
        (TABLE + "\r\nextra,one,two", "'extra,one,two' is not CASE,PATIENT"),
    ],
)
def test_errors_in_a_table_are_named_with_the_line(content, message, folders, capsys):
    table = folders / "patients.csv"
    table.write_text(content, encoding="utf-8")
    assert compare(folders, "--group", str(table)) == 1
    assert f"{table}" in (error := capsys.readouterr().err) and message in error
    assert not (folders / "out").exists()


@pytest.mark.parametrize(
    "rule", ["patiens.csv", "Patients.TSV", "patients.txt", "./tables/patients", "tests/"]
)
def test_a_mistyped_table_is_not_taken_for_a_regular_expression(rule):
    with pytest.raises(
        ValueError, match=rf"--group {rule} does not exist.* Give the table of case,patient, or a"
    ):
        group_by(rule)


@pytest.mark.parametrize("rule", [r"(patient\d+)_", "patient1", "^[^/]+(?=_)", ".+?t1"])
def test_a_regular_expression_is_not_taken_for_a_table(rule):
    assert group_by(rule)("patient1_visit0").startswith("patient1")


@pytest.mark.parametrize("fold", ["first", "-1", 1])
def test_a_fold_that_does_not_exist_is_named(fold, tmp_path):
    (tmp_path / "Dataset901_X" / "T__P__2d").mkdir(parents=True)
    truth = GroundTruth(tmp_path, {"file_ending": ".nii.gz"}, splits=[{"train": ["b"], "val": ["a"]}])
    with pytest.raises(ValueError, match=rf"fold {fold} does not exist. splits_final.json has folds 0 to 0"):
        trained_model("Dataset901_X", "T__P__2d", [fold], truth, tmp_path)


def test_a_fold_that_was_started_again_is_noted(tmp_path, capsys):
    fold = tmp_path / "Dataset901_X" / "T__P__2d" / "fold_0"
    (fold / "validation").mkdir(parents=True)
    for name in ("checkpoint_final.pth", "checkpoint_latest.pth", "validation/a.nii.gz"):
        (fold / name).touch()
    os.utime(fold / "checkpoint_final.pth", (1, 1))
    truth = GroundTruth(tmp_path, {"file_ending": ".nii.gz"}, splits=[{"train": ["b"], "val": ["a"]}])
    trained_model("Dataset901_X", "T__P__2d", [0], truth, tmp_path)
    assert "note: T__P__2d, fold 0 was trained to its end, then started again" in capsys.readouterr().err


def test_the_table_of_patients_is_not_overwritten(folders, capsys):
    (folders / "out").mkdir()
    table = folders / "out" / "cases.csv"
    table.write_text(TABLE, encoding="utf-8")
    assert compare(folders, "--group", str(folders / "truth" / ".." / "out" / "cases.csv")) == 1
    assert "cases.csv would overwrite the input" in capsys.readouterr().err
    assert table.read_text(encoding="utf-8") == TABLE.replace("\r\n", "\n")


def test_predictions_of_a_model_with_other_labels_are_refused(folders, capsys):
    description = json.loads((folders / "dataset.json").read_text())
    for labels in (
        {"background": 0, "Disc": 1, "Core": 2},
        {"background": 0, "disc": 1, "core": 2, "ignore": 3},
        {"background": 0, "disc": [1, 2], "core": [2]},  # predicts the same label maps
    ):
        (folders / "small" / "dataset.json").write_text(json.dumps(description | {"labels": labels}))
        assert compare(folders) == 0
    swapped = description | {"labels": {"background": 0, "disc": 2, "core": 1}}
    (folders / "small" / "dataset.json").write_text(json.dumps(swapped))
    shutil.rmtree(folders / "out")
    assert compare(folders) == 1
    error = capsys.readouterr().err
    assert f"small: {folders / 'small' / 'dataset.json'} has disc = 2, but" in error
    assert not (folders / "out").exists()


def test_a_users_own_report_in_the_output_folder_is_kept(folders, capsys):
    (folders / "out").mkdir()
    own = folders / "out" / "report.md"
    own.write_text("mine")
    assert compare(folders) == 1
    assert f"{own} would be overwritten" in capsys.readouterr().err
    assert own.read_text() == "mine"


def test_predictions_are_not_deleted_with_earlier_ensembles(folders, capsys):
    inside = folders / "out" / "ensembles" / "mine"
    shutil.copytree(folders / "small", inside)
    assert compare(folders, "--predictions", f"mine={inside}") == 1
    assert f"{inside} is where ensembles are written" in capsys.readouterr().err
    assert len(list(inside.iterdir())) == len(CASES)


@pytest.mark.parametrize("folder", ["truth", "small"])
def test_damaged_segmentations_are_named_and_unusual_ones_read(folder, folders, capsys):
    paths = [folders / folder / f"{case}.nii.gz" for case in CASES]
    whole = paths[0].read_bytes()
    paths[0].write_bytes(gzip.decompress(whole))
    paths[1].write_bytes(paths[1].read_bytes() + b"something behind")
    assert compare(folders) == 0
    paths[2].write_bytes(whole[: len(whole) // 2])
    paths[3].write_bytes(gzip.compress(gzip.decompress(whole)[:-100]))
    assert compare(folders) == 1
    error = capsys.readouterr().err
    for path in paths[2:4]:
        assert f"{path}: the file is cut off" in error
    assert not (folders / "out" / "report.html").exists()


def test_a_damaged_example_image_is_named(folders, capsys):
    (folders / "images").mkdir()
    for path in (folders / "truth").iterdir():
        write(read(path), image := folders / "images" / path.name.replace(".nii.gz", "_0000.nii.gz"))
        image.write_bytes(image.read_bytes()[:-100])
    assert compare(folders, "--images", str(folders / "images")) == 1
    assert (
        "_0000.nii.gz, needed for an example, cannot be read: the file is cut off" in capsys.readouterr().err
    )


def test_the_next_step_for_a_data_set_given_by_name_has_its_id(nnunet_folders, tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="nnUNetv2_plan_and_preprocess -d 998, "):
        GroundTruth.from_dataset("Dataset998_Nowhere")
    monkeypatch.setattr(find_best, "changed_labels", lambda *_: ["case_1"])
    (tmp_path / "labelsTr").mkdir()
    truth = GroundTruth(tmp_path, {"file_ending": ".nii.gz"}, raw=tmp_path)
    with pytest.raises(ValueError, match="nnUNetv2_plan_and_preprocess -d 998 --clean"):
        find_best.check_labels_agree(truth, ["case_1"], "Dataset998_Nowhere")

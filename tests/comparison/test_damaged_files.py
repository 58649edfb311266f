"""Truncated files, e.g. of a killed process: recomputed where possible, else named with the next step."""

import json
from dataclasses import asdict

import pytest

from nnunet_slice_attention.cli import main
from nnunet_slice_attention.comparison.ensembles import make_ensemble
from nnunet_slice_attention.comparison.ground_truth import GroundTruth
from nnunet_slice_attention.comparison.model import Model
from nnunet_slice_attention.cost import measure as cost
from nnunet_slice_attention.cost.training_costs import training_costs
from nnunet_slice_attention.inference.cases import NNUNET_RECORD
from tests.comparison.prediction_folders import compare, write_folders
from tests.comparison.run_folders import BASELINE, DATASET, DEPTH, OTHER, PER_FOLD, compare_runs, write_runs
from tests.cost.test_measure import costs
from tests.tiny_data import draw_volume, write

DAMAGED = ["", '{"key": "a', "[]", "{}", "\x00\x00"]


@pytest.fixture
def runs(tmp_path, monkeypatch):
    for kind in ("raw", "preprocessed", "results"):
        monkeypatch.setenv(f"nnUNet_{kind}", str(tmp_path / kind))
    write_runs(tmp_path)
    return tmp_path


def test_compare_evaluates_again_and_leaves_out_damaged_notes(runs):
    assert compare_runs(runs, seeds=("seed_0",), folds=("0",)) == 0
    cached = sorted((runs / "out" / "evaluated").iterdir())
    whole = [path.read_bytes() for path in cached]
    assert len(cached) == 2
    cached[0].write_bytes(whole[0][:-9])
    cached[1].write_text(json.dumps(json.loads(whole[1]) | {"rows": None}))
    models = runs / "seed_0" / DATASET.folder
    for model, content in ((BASELINE, '{"num_ep'), (OTHER, "[]")):
        (models / model / NNUNET_RECORD).write_text(content)
        (models / model / "fold_0" / "debug.json").write_text(content)
    assert compare_runs(runs, seeds=("seed_0",), folds=("0",)) == 0
    assert [path.read_bytes() for path in cached] == whole
    manifest = json.loads((runs / "out" / "manifest.json").read_text())
    for model in (BASELINE, OTHER):
        assert manifest["models"][model]["training"] == {"fold_0": {}}
        assert manifest["models"][model]["prediction"] is None


def test_raw_images_that_are_damaged_or_replaced_are_left_out_of_the_report_and_named(runs):
    images = runs / "raw" / DATASET.folder / "imagesTr"
    images.mkdir(parents=True)
    for i in range(PER_FOLD):
        image, _ = draw_volume(DEPTH - (i == 1), i, 1, False)
        write(image[0], images / f"case_0{i}_0000.nii.gz")
    (images / "case_00_0000.nii.gz").write_bytes((images / "case_00_0000.nii.gz").read_bytes()[:-99])
    assert compare_runs(runs, seeds=("seed_0",), folds=("0",)) == 0  # three of four cases are shown
    report = (runs / "out" / "report.md").read_text()
    (note,) = (line for line in report.splitlines() if line.startswith("- examples left out: "))
    assert note.count("imagesTr") in (1, 2)
    assert (
        "case_00_0000.nii.gz, needed for an example, cannot be read" in note
        or "case_01_0000.nii.gz has shape (5, 40, 36), but its ground truth has (6, 40, 36)" in note
    )
    assert "Case by case" in (runs / "out" / "report.html").read_text()  # of the others


@pytest.mark.parametrize("content", DAMAGED)
@pytest.mark.parametrize("name", ["dataset.json", "splits_final.json"])
def test_compare_names_damaged_files_of_the_data_set(name, content, runs, capsys):
    (runs / "preprocessed" / DATASET.folder / name).write_text(content)
    assert compare_runs(runs, seeds=("seed_0",), folds=("0",)) == 1
    error = capsys.readouterr().err
    assert f"{name} is damaged" in error and "Put back the" in error


def test_compare_names_a_damaged_dataset_json_of_folders(tmp_path, capsys):
    write_folders(tmp_path)
    (tmp_path / "dataset.json").write_text("")
    assert compare(tmp_path) == 1
    assert f"{tmp_path}/dataset.json is damaged: it is empty. Put back" in capsys.readouterr().err


def test_find_best_names_damaged_files_of_a_model(runs, monkeypatch, capsys):
    monkeypatch.setenv("nnUNet_results", str(runs / "seed_0"))
    (runs / "seed_0" / DATASET.folder / OTHER / "plans.json").write_text('{"plans_na')
    argv = ["find-best", "-d", DATASET.folder, "-m", BASELINE, OTHER, "-f", "0", "--disable_ensembling"]
    assert main(argv) == 1
    assert f"{OTHER}/plans.json is damaged" in capsys.readouterr().err


@pytest.mark.parametrize("content", DAMAGED)
@pytest.mark.parametrize("name", ["plans.json", "dataset.json"])
def test_ensembles_name_damaged_files_of_a_model(name, content, tmp_path):
    models = []
    for model in "ab":
        folder = tmp_path / model
        folder.mkdir()
        for ending in (".npz", ".pkl"):
            (folder / f"case{ending}").touch()
        (folder / "plans.json").write_text('{"plans_name": "P", "configurations": {}}')
        models.append(Model(model, {"case": folder / "case.nii.gz"}, folder))
    (tmp_path / "b" / name).write_text(content)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "made_from.json").write_bytes(b"\xff")  # overwritten
    with pytest.raises(ValueError, match=rf"b.{name} is damaged: .*Put "):
        make_ensemble(*models, tmp_path / "out", 1, GroundTruth(tmp_path, {"file_ending": ".nii.gz"}))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "has no column model, schedule_s"),
        ("model,step_s\na,1\n", "has no column schedule_s"),
        ("model,schedule_s\na,0.5\na", "line 3 is damaged"),
        ("model,schedule_s\na,zero\n", "line 2 is damaged"),
    ],
)
def test_a_damaged_table_of_costs_is_named(content, said, tmp_path):
    table = tmp_path / "cost.csv"
    with pytest.raises(FileNotFoundError, match="--cost .* is not a file. Give the cost.csv"):
        training_costs(table, ["a"])
    table.write_text(content)
    with pytest.raises(ValueError, match=rf"cost.csv.* {said}.*Measure again"):
        training_costs(table, ["a"])


@pytest.mark.parametrize("content", [*DAMAGED, "no cost", "other cost"])
def test_a_damaged_measurement_is_repeated(content, tmp_path, monkeypatch):
    monkeypatch.setattr(cost, "_key", lambda job: {"job": "this"})
    run, (measured,) = tmp_path / "a_0.json", costs({0: 1.0}).values()
    run.write_text(json.dumps({"job": "this", "cost": asdict(measured)}))
    assert cost._read(tmp_path, None, "a", 2) == {0: measured}
    without = {"no cost": '{"job": "this"}', "other cost": '{"job": "this", "cost": {"step_s": 1}}'}
    run.write_text(without.get(content, content))
    assert cost._read(tmp_path, None, "a", 2) == {}

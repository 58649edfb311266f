"""A whole experiment on tiny data: trained, predicted, measured, collected and rendered by the jobs' own processes."""

import dataclasses
import json
import os
import re

import pytest
import torch

from experiments import training
from experiments.collect import collect
from experiments.collectors import compared, curve, logged, overlaps, parameters, process_time, validated
from experiments.csv_rows import read_csv
from experiments.declaration import Experiment, Measure, Predict, Runs
from experiments.error_kinds import error_kinds
from experiments.jobs import Options
from experiments.launch import run_all, status
from experiments.made_with import FILE
from experiments.page import render
from experiments.results import Results
from experiments.stages import measurements, prediction_folder, stages, trainings
from experiments.tables import FOREGROUND, count
from nnunet_slice_attention.jobs.lock import locked

OPTIONS = Options()
TABLES = {
    "cases.csv": validated, "trainings.csv": logged(), "curves.csv": curve, "process_time.csv": process_time,
    "error_kinds.csv": error_kinds, "overlaps.csv": overlaps, "size.csv": parameters,
}  # fmt: skip


@pytest.fixture(scope="module")
def experiment(tiny) -> Experiment:
    trained = Experiment(
        questions={"n": count("case")},
        dataset=tiny.folder,
        plans="nnUNetPlans",
        patient=r"(case_\d)",
        arms={"2D": "Tiny_nnUNetTrainer", "AxialConv": "Tiny_nnUNetTrainerAxialConv"},
        runs=[Runs(TABLES), Runs({"compared.csv": compared}, arms=["AxialConv"])],
        epochs=2,
        iterations=2,
    )
    ways = {"repeat": "nnunet-slice-attention predict --neighbours repeat --disable_tta -npp 0 -nps 0"}
    return dataclasses.replace(
        trained,
        predict=[Predict("predicted.csv", of=trained, arms=["AxialConv"], ways=ways, model="way")],
        measure=[
            Measure({"measured.csv": None}, "sh -c 'echo x,y > measured.csv; echo 1,2 >> measured.csv'")
        ],
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory, nnunet_folders, experiment):
    """Of the experiment, run to the end; the data set's results are its own."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("benchmark_results") / "tiny_experiment"
        folder.mkdir()
        (folder / "text.md").write_text("{n} volumes")
        patch.setenv("nnUNet_results", str(tmp_path_factory.mktemp("results")))
        assert run_all(folder, experiment, OPTIONS) == []
        collect(folder, experiment)
        yield folder


def test_every_table_has_the_rows_of_every_run(folder, experiment):
    counts = {path.name: len(read_csv(path)) for path in folder.glob("*.csv")}
    cases = len(read_csv(folder / "cases.csv"))
    assert {row["name"] for row in read_csv(folder / "cases.csv")} == {"2D", "AxialConv"}
    assert cases % 4 == 0 and counts["trainings.csv"] == counts["process_time.csv"] == 2
    # Of one run, with the foreground.
    assert counts["compared.csv"] == counts["predicted.csv"] == 3 * cases // 4
    assert counts["curves.csv"] == 2 * cases  # each case and structure of both runs, in both epochs
    assert {row["model"] for row in read_csv(folder / "predicted.csv")} == {"repeat"}
    assert [row["epochs_done"] for row in read_csv(folder / "process_time.csv")] == ["2", "2"]


def test_both_ways_to_evaluate_agree(folder):
    by_nnunet, ours = ({(r["name"], r["case"], r["structure"]): r["dice"] for r in read_csv(folder / file)}
                       for file in ("cases.csv", "compared.csv"))  # fmt: skip
    both = by_nnunet.keys() & ours.keys()
    assert len(both) == 4  # two structures of each of fold 0's two cases, by one of the two arms
    assert {key: by_nnunet[key] for key in both} == {key: ours[key] for key in both}
    rows = read_csv(folder / "overlaps.csv")
    assert len(rows) == len(by_nnunet) == 8 and any(float(row["dice"]) > 0 for row in rows)
    for row in rows:
        assert row["dice"] == by_nnunet[row["name"], row["case"], row["structure"]]
        dice, precision, recall, jaccard = (
            float(row[n] or "nan") for n in ("dice", "precision", "recall", "jaccard")
        )
        if dice > 0:  # what the definitions imply
            assert jaccard == pytest.approx(dice / (2 - dice), abs=2e-5)
            assert 2 / (1 / precision + 1 / recall) == pytest.approx(dice, abs=2e-5)
    foreground = {
        row["case"]: row["foreground_dice"]
        for row in read_csv(folder / "error_kinds.csv")
        if row["name"] == "AxialConv"
    }
    assert foreground == {
        case: dice for (_, case, structure), dice in ours.items() if structure == FOREGROUND
    }


def test_what_rows_were_made_with_is_noted_by_their_key(folder, experiment):
    notes = json.loads((folder / "made_with.json").read_text())
    for table in ("cases.csv", "predicted.csv", "measured.csv"):
        assert Results(folder, experiment).made_with(table).startswith("Python 3")
    assert all(set(note) == {"versions", "commit", "hardware", "date"} for note in notes.values())


def test_collecting_again_changes_nothing(folder, experiment):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    collect(folder, experiment)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_note_of_a_table_that_was_measured_later_elsewhere_stays(folder, experiment):
    path = folder / "made_with.json"
    before = path.read_text()
    later = json.loads(before)
    later["measured.csv"] |= {"date": "2999-01-01", "hardware": "another"}
    path.write_text(json.dumps(later))
    collect(folder, experiment)
    assert json.loads(path.read_text()) == later
    path.write_text(before)


def test_what_an_earlier_training_of_the_model_predicted_is_not_collected(folder, experiment, tmp_path):
    (run,) = (run for predict in experiment.predict for run in predict.runs(folder))
    note = run.fold_folder() / FILE
    before, later = note.stat().st_mtime, (prediction_folder(folder, run) / FILE).stat().st_mtime + 1
    fresh = tmp_path / folder.name
    os.utime(note, (later, later))
    collect(fresh, experiment)
    assert read_csv(fresh / "cases.csv") and not read_csv(fresh / "predicted.csv")
    os.utime(note, (before, before))
    collect(fresh, experiment)
    assert read_csv(fresh / "predicted.csv") == read_csv(folder / "predicted.csv")


def test_nothing_is_left_to_do(folder, experiment):
    for options in (OPTIONS, dataclasses.replace(OPTIONS, again=True)):
        assert all(job.finished() for stage in stages(folder, experiment, options) for job in stage)
    assert "2/2 runs finished, 4/4 epochs" in status(
        [job.run for job in trainings(folder, experiment, OPTIONS)]
    )


def test_what_the_tables_have_is_done_without_the_runs(folder, experiment, tmp_path, monkeypatch):
    monkeypatch.setenv("nnUNet_results", str(tmp_path))
    assert all(job.finished() for stage in stages(folder, experiment, OPTIONS) for job in stage)
    again = dataclasses.replace(OPTIONS, again=True)
    assert not any(job.finished() for stage in stages(folder, experiment, again) for job in stage)


def test_what_needs_a_model_that_is_not_trained_is_said_and_not_begun(
    folder, experiment, tmp_path, monkeypatch
):
    monkeypatch.setenv("nnUNet_results", str(tmp_path))
    only_predictions = dataclasses.replace(OPTIONS, again=True, only="^tiny_experiment: AxialConv")
    (message,) = run_all(folder, experiment, only_predictions)
    assert re.search(
        "tiny_experiment: .* is not begun: it needs AxialConv_d701_f0_s0_2x2, which is not", message
    )
    assert not list(tmp_path.rglob("*.log"))


def test_the_page_has_the_answer(folder, experiment):
    assert render(folder, experiment) == f"{len(read_csv(folder / 'cases.csv')) // 4} volumes"


def test_a_run_goes_on_from_its_last_checkpoint_and_counts_no_epoch_twice(folder, experiment):
    fold = trainings(folder, experiment, OPTIONS)[0].run.fold_folder()
    before = read_csv(fold / "process_time.csv")
    curve_rows = len(read_csv(fold / "curve.csv"))
    checkpoint = torch.load(fold / "checkpoint_final.pth", weights_only=False)
    # Killed in the second epoch.
    torch.save(checkpoint | {"current_epoch": 1}, fold / "checkpoint_latest.pth")
    for name in ("made_with.json", "checkpoint_final.pth"):
        (fold / name).unlink()
    assert run_all(folder, experiment, dataclasses.replace(OPTIONS, again=True, only="^2D")) == []
    after = read_csv(fold / "process_time.csv")
    assert [row["epoch"] for row in after] == ["0", "1"]
    assert after[0] == before[0] and after[1] != before[1]
    epochs = [row["epoch"] for row in read_csv(fold / "curve.csv")]
    assert (
        epochs == sorted(epochs)
        and epochs.count("0") == epochs.count("1") == len(epochs) / 2 == curve_rows / 2
    )


def test_a_run_that_an_earlier_runner_is_at_work_on_is_left_to_it(folder, experiment, monkeypatch):
    job = trainings(folder, experiment, OPTIONS)[0]
    results = job.run.results
    monkeypatch.setenv("nnUNet_results", job.environment()["nnUNet_results"])
    monkeypatch.setattr("sys.argv", ["training", job.command()[-1]])
    said = f"^{job.name}: another process is at work on it"
    with locked(results / f"{job.name}.lock"), pytest.raises(SystemExit, match=said):
        training.main()


def test_a_failed_measurement_is_said_and_done_again(folder, experiment, tmp_path):
    failing = dataclasses.replace(
        experiment, measure=[Measure({"other.csv": None}, "sh -c 'echo the reason; exit 3'")], predict=[]
    )
    (message,) = run_all(folder, failing, OPTIONS)
    assert "other.csv ended with status 3" in message and "the reason" in message
    assert not measurements(folder, failing, OPTIONS)[0].finished()

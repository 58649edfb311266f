"""Which jobs of an experiment are to be done before others."""

import dataclasses

from experiments.csv_rows import read_csv
from experiments.declaration import Experiment, Measure, Predict, Runs
from experiments.jobs import Options
from experiments.launch import run_all
from experiments.run_list import COLUMNS, read_runs


def test_steps_are_measured_before_runs_are_planned_from_them(tmp_path, nnunet_folders):
    """Nothing is trained: --only names no run."""
    lines = ["trainer,phase,round,slices,load_s,step_s", "nnUNetTrainer,2d,0,12,1,1", "A,all,0,12,1,3"]
    write = " && ".join(f"echo {line} >> steps.csv" for line in lines)
    experiment = Experiment(
        dataset="Dataset027_ACDC40",
        arms={"a": "A"},
        epochs=5,
        runs=[Runs({}, listed="list.csv", of_2d=500, steps="steps.csv")],
        measure=[Measure({"steps.csv": None}, f"sh -c '{write}'")],
    )
    options = Options(only="^none of these$")
    for _ in range(2):  # measured once
        assert run_all(tmp_path, experiment, options) == []
        assert [run.iterations for run in read_runs(tmp_path / "list.csv")] == [50]
        assert len(read_csv(tmp_path / "steps.csv")) == 2
    again = dataclasses.replace(options, again=True)
    assert run_all(tmp_path, experiment, again) == []  # --only names no measurement either
    assert len(read_csv(tmp_path / "steps.csv")) == 2
    (tmp_path / "steps.csv").unlink()
    assert run_all(tmp_path, experiment, options) == []
    assert len(read_csv(tmp_path / "steps.csv")) == 2
    failing = dataclasses.replace(experiment, measure=[Measure({"steps.csv": None}, "false")])
    (tmp_path / "other").mkdir()
    (failure,) = run_all(tmp_path / "other", failing, options)
    assert "steps.csv" in failure and not (tmp_path / "other" / "list.csv").exists()


def test_predictions_are_of_the_listed_runs_or_of_the_arms(tmp_path):
    of = Experiment(dataset="Dataset027_ACDC40", arms={"a": "A", "b": "B"}, epochs=5)
    row = "a,504,nnUNetPlans,2d,A,1,2,50,125,,"
    (tmp_path / "list.csv").write_text(",".join(COLUMNS) + "\n" + row + "\n")
    assert [run.index for run in Predict("x.csv", of, listed="list.csv").runs(tmp_path)] == [
        "a_d504_f1_s2_50x125"
    ]
    assert [run.index for run in Predict("x.csv", of, ["b"]).runs(tmp_path)] == ["b_d27_f0_s0_5x250"]

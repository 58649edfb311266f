"""Runs: their names, which results folders depend on, and lists of them."""

import dataclasses
import json
import os
import platform
import subprocess
import sys
import time

import psutil
import pytest

from experiments.declaration import RESULTS, Experiment, Runs, load
from experiments.jobs import Commands, Options
from experiments.made_with import FILE
from experiments.run import Run
from experiments.run_list import read_runs, write_runs
from experiments.stages import trainings
from experiments.training import check_same_row, cpu_seconds

LISTS = (
    "length", "from_2d", "screening", "position", "fused_position", "screening_wide", "decision", "decision_position",
)  # fmt: skip
HEADER = "name,dataset,plans,configuration,trainer,fold,seed,epochs,iterations,iterations_later,after\n"
FIRST = "2d,514,P,2d,nnUNetTrainer,0,0,20,250,,\n"
THEN = "csa,514,P,2d,nnUNetTrainerCSANet_From2D,0,0,5,300,,2d_d514_f0_s0_20x250\n"
RUN = Run("csa", 514, "P", "2d", "nnUNetTrainerCSANet", 0, 1, 50, 250)


@pytest.mark.parametrize("part", LISTS)
def test_the_lists_of_equal_time_are_as_they_were_when_their_runs_began(part, tmp_path):
    folder = RESULTS / "equal_time"
    group = next(group for group in load("equal_time").runs if group.listed == f"{part}.csv")
    runs = load("equal_time").runs_of(group, folder)
    write_runs(tmp_path / "list.csv", runs)
    assert (tmp_path / "list.csv").read_bytes() == (folder / group.listed).read_bytes()


def test_the_names_of_runs_are_those_of_their_folders():
    runs = {run.index: run for part in LISTS for run in read_runs(RESULTS / "equal_time" / f"{part}.csv")}
    assert {"attention_d514_f0_s1_50x241", "early_fusion_2d_first_d514_f0_s1_50x243"} <= set(runs)
    assert runs["csa_d514_f0_s0_5x300"].results_of == "2d_before_d514_f0_s0_20x250"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEADER.replace("name", "arm") + FIRST, r"line 2: .*arm.*The columns are name"),
        (HEADER + FIRST.replace("250", "many"), r"line 2: .*many"),
        (HEADER + FIRST.replace("514", ""), r"line 2: .*dataset"),
        (HEADER + THEN, r"csa_d514_f0_s0_5x300 comes after 2d_d514_f0_s0_20x250.*none yet"),
        (HEADER + FIRST + FIRST, r"2d_d514_f0_s0_20x250 would write to the folder of 2d_d514"),
        (
            HEADER + FIRST + THEN + THEN.replace("csa", "b"),
            r"b_d514_f0_s0_5x300 would write to the folder of csa_d514",
        ),
    ],
)
def test_what_is_wrong_with_a_list_is_said(tmp_path, text, said):
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(ValueError, match=said):
        read_runs(tmp_path / "list.csv")


def test_each_arm_on_each_fold_from_each_seed(tmp_path):
    experiment = Experiment(
        questions={},
        dataset="Dataset027_ACDC40",
        arms={"2D": "nnUNetTrainer_10epochs", "3D": "nnUNetTrainer_10epochs 3d_fullres"},
    )
    runs = experiment.runs_of(Runs({}, folds=[0, 1], seeds=[3]), tmp_path)
    names = ["2D_d27_f0_s3_10x250", "3D_d27_f0_s3_10x250", "2D_d27_f1_s3_10x250", "3D_d27_f1_s3_10x250"]
    assert [run.index for run in runs] == names
    assert [run.model for run in runs[:2]] == [f"{t}__nnUNetCompactPlans__{c}" for t, c in (
        ("nnUNetTrainer_10epochs", "2d"), ("nnUNetTrainer_10epochs", "3d_fullres"))]  # fmt: skip
    with pytest.raises(ValueError, match="'4D' is no arm.*2D, 3D"):
        experiment.runs_of(Runs({}, arms=["4D"]), tmp_path)


def test_a_group_of_runs_may_be_on_another_data_set_with_other_plans(tmp_path):
    experiment = Experiment(dataset="Dataset027_ACDC40", arms={"2D": "nnUNetTrainer"}, epochs=5)
    groups = Runs({}), Runs({}, dataset="Dataset530_BTCV30EightOrgans", plans="nnUNetPlans")
    (here,), (there,) = (experiment.runs_of(group, tmp_path) for group in groups)
    assert (here.dataset, here.plans) == (27, "nnUNetCompactPlans")
    assert (there.dataset, there.plans) == (530, "nnUNetPlans")


def test_two_different_runs_of_one_name_are_refused_and_equal_ones_are_one(tmp_path):
    experiment = Experiment(
        dataset="Dataset027_ACDC40",
        arms={"2D": "nnUNetTrainer"},
        epochs=5,
        runs=[Runs({"a.csv": None}), Runs({"b.csv": None})],
    )
    assert [job.run.index for job in trainings(tmp_path, experiment, Options())] == ["2D_d27_f0_s0_5x250"]
    mixed = dataclasses.replace(experiment, runs=[*experiment.runs, Runs({}, precision="bfloat16")])
    with pytest.raises(
        ValueError, match="two runs are called 2D_d27_f0_s0_5x250, but are not the same: .*single"
    ):
        trainings(tmp_path, mixed, Options())


def test_a_trainer_without_a_number_of_epochs_is_refused(tmp_path):
    experiment = Experiment(questions={}, dataset="Dataset027_ACDC40", arms={"2D": "nnUNetTrainer"})
    with pytest.raises(ValueError, match="nnUNetTrainer does not say how many epochs"):
        experiment.runs_of(Runs({}), tmp_path)


def test_a_budget_gives_each_arm_the_process_time_of_2d_and_its_plan_stays(tmp_path):
    costs = {
        "nnUNetTrainer,2d": (1, 1, 1), "nnUNetTrainer,all": (4, 4, 4),  # the latter 3d_fullres
        "A,2D phase": (1.25, 9, 1.25), "A,with neighbours": (2, 2, 9),
    }  # fmt: skip
    rows = [
        f"{of},{n},12,0.5,{cost - 0.5}\n" for of, rounds in costs.items() for n, cost in enumerate(rounds)
    ]
    steps = "".join(["trainer,phase,round,slices,load_s,step_s\n", *rows])
    (tmp_path / "steps.csv").write_text(steps)
    arms = {
        "2d": "nnUNetTrainer",
        "3d": "nnUNetTrainer 3d_fullres",
        "a": "A",
        "copies": "A_RepeatCentre",
        "b": "B",
    }
    experiment = Experiment(dataset="Dataset027_ACDC40", arms=arms, epochs=5)
    group = Runs({}, arms=["2d", "3d", "a", "copies"], listed="list.csv", of_2d=500, steps="steps.csv")
    planned = experiment.runs_of(group, tmp_path)
    iterations = [(run.iterations, run.iterations_later) for run in planned]
    assert iterations == [(100, None), (25, None), (80, 50), (80, 50)]
    mixed = experiment.runs_of(dataclasses.replace(group, precision="bfloat16", seeds=[7]), tmp_path)
    write_runs(tmp_path / "mixed.csv", mixed)
    assert {run.precision for run in mixed} == {"bfloat16"}
    assert read_runs(tmp_path / "mixed.csv") == mixed
    write_runs(tmp_path / "list.csv", planned)
    (tmp_path / "steps.csv").unlink()
    assert experiment.runs_of(group, tmp_path) == planned
    with pytest.raises(ValueError, match=r"steps.csv has no steps of B 2d. Measure them"):
        experiment.runs_of(dataclasses.replace(group, arms=["b"]), tmp_path)


def test_a_run_is_found_under_the_name_that_its_trainer_had(tmp_path, monkeypatch):
    monkeypatch.setenv("nnUNet_results", str(tmp_path))
    assert RUN.fold_folder() is None and not RUN.is_finished()
    fold = tmp_path / RUN.index / "Dataset514_X" / "nnUNetTrainerOld__P__2d" / "fold_0"
    fold.mkdir(parents=True)
    (fold / "row.json").write_text('{"name": "another", "iterations": 250}')
    assert RUN.fold_folder() is None
    (fold / "row.json").write_text('{"name": "csa", "iterations": 250}')
    (fold / "made_with.json").write_text("{}")
    assert RUN.fold_folder() == fold and RUN.is_finished()
    own = fold.parents[1] / RUN.model / "fold_0"
    own.mkdir(parents=True)
    assert RUN.fold_folder() == own


def test_what_a_model_predicted_is_not_finished_while_the_model_is_trained_again(tmp_path, monkeypatch):
    monkeypatch.setenv("nnUNet_results", str(tmp_path))
    (tmp_path / RUN.index / "Dataset514_X" / "nnUNetTrainerCSANet__P__2d" / "fold_0").mkdir(parents=True)
    (tmp_path / FILE).touch()
    job = Commands(name="predict", folder=tmp_path, commands={}, run=RUN, needs=RUN, collected=False)
    assert RUN.fold_folder() is not None and not job.finished()
    (RUN.fold_folder() / FILE).touch()
    os.utime(tmp_path / FILE, (2, 2))
    for trained, finished in ((1, True), (3, False)):
        os.utime(RUN.fold_folder() / FILE, (trained, trained))
        assert job.finished() == finished


def test_steps_of_a_model_that_was_trained_again_are_done_again(tmp_path, monkeypatch):
    """Also those of a call that was interrupted: their results would be compared with the later model's."""
    monkeypatch.setenv("nnUNet_results", str(tmp_path / "results"))
    trained = tmp_path / "results" / RUN.index / "Dataset514_X" / RUN.model / "fold_0"
    trained.mkdir(parents=True)
    (trained / FILE).touch()
    job = Commands(name="p", folder=tmp_path / "p", commands={}, run=RUN, needs=RUN, collected=False)
    for made_in, kept in ((3, True), (1, False)):
        (job.folder / "own").mkdir(parents=True)
        (job.folder / "own.done").touch()
        os.utime(trained / FILE, (2, 2))
        os.utime(job.folder / "own.done", (made_in, made_in))
        job.prepare()
        assert (job.folder / "own.done").exists() == (job.folder / "own").exists() == kept
        if kept:
            (job.folder / "own").rmdir()


STEPS = """
import resource
for _ in range(20):
    step = [bytearray(12 << 20) for _ in range(3)]
    del step
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="variables of glibc")
def test_a_job_keeps_the_memory_that_a_step_has_freed(tmp_path):
    job = Commands(name="steps", folder=tmp_path, commands={}, run=None, needs=None, collected=False)
    page_faults = [
        int(subprocess.check_output([sys.executable, "-c", STEPS], env=os.environ | variables))
        for variables in ({}, job.environment())
    ]
    assert page_faults[1] < page_faults[0] / 5


@pytest.mark.parametrize("noted", [{"precision": "bfloat16"}, {"seed": 0}, {"iterations_later": 80}])
def test_a_run_of_the_same_index_that_is_declared_otherwise_is_not_this_one(noted, tmp_path, monkeypatch):
    """Of another experiment, say: the folder does not name the precision."""
    monkeypatch.setenv("nnUNet_results", str(tmp_path))
    fold = tmp_path / RUN.index / "Dataset514_X" / RUN.model / "fold_0"
    fold.mkdir(parents=True)
    (fold / FILE).touch()
    (fold / "row.json").write_text(json.dumps(RUN.row()))
    assert RUN.is_finished() and not RUN.begun_otherwise(fold)
    (fold / "row.json").write_text(json.dumps(RUN.row() | noted))
    assert not RUN.is_finished()
    ((name, (before, now)),) = RUN.begun_otherwise(fold).items()
    assert (before, now) == (noted[name], getattr(RUN, name))
    with pytest.raises(ValueError, match="was begun otherwise.*(give the arm another name|Undo the change)"):
        check_same_row(fold, RUN)
    mixed = dataclasses.replace(RUN, precision="bfloat16")
    (fold / "row.json").write_text(json.dumps(RUN.row()))  # which does not name single precision
    with pytest.raises(ValueError, match=r"'precision': \('single', 'bfloat16'\)"):
        check_same_row(fold, mixed)


def test_the_time_of_data_loaders_at_work_counts():
    busy = "while True: pass"
    with subprocess.Popen([sys.executable, "-c", busy]) as loader:
        before = cpu_seconds()
        while psutil.Process(loader.pid).cpu_times().user < 0.2:
            time.sleep(0.05)
        assert cpu_seconds() - before > 0.1
        loader.kill()
    assert cpu_seconds() - before > 0.1  # and is not lost when they end


def test_what_a_folder_notes_is_as_before_precision_was_declared():
    assert "precision" not in RUN.row()
    assert dataclasses.replace(RUN, precision="bfloat16").row()["precision"] == "bfloat16"


def test_without_a_results_folder_the_next_step_is_said(monkeypatch):
    monkeypatch.delenv("nnUNet_results", raising=False)
    with pytest.raises(ValueError, match="nnUNet_results is not set. Export"):
        RUN.is_finished()

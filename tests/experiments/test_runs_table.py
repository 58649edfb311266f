"""Answers about arms with several runs, and the papers' own tables, from tables written by hand."""

import json

import pandas as pd
import pytest

from benchmark_results.equal_time.questions import summary_table
from benchmark_results.papers.experiment import costs_table, metrics_table, resliced_table
from experiments.collectors import validated
from experiments.declaration import Experiment, Runs
from experiments.made_with import FILE
from experiments.results import Results
from experiments.runs_table import (
    NOT_RUN,
    differences_table,
    find_scores,
    run_means,
    runs_table,
    structures_table,
)
from experiments.tables import FOREGROUND

PATIENTS = ("p", "q", "r")


def cases(dice, **more) -> pd.DataFrame:
    """Of the runs {(arm, seed): {structure: Dice}}; the patients differ by 0.01."""
    return pd.DataFrame(
        {"name": arm, "fold": 0, "seed": seed, "case": patient, "structure": structure}
        | {"dice": value + 0.01 * place}
        | {column: of_arm[arm] for column, of_arm in more.items()}
        for (arm, seed), by_structure in dice.items()
        for place, patient in enumerate(PATIENTS)
        for structure, value in by_structure.items()
    )


@pytest.fixture
def results(tmp_path):
    def written(**tables):
        for file, table in tables.items():
            path = tmp_path / f"{file.replace('__', '/')}.csv"
            path.parent.mkdir(exist_ok=True)
            table.to_csv(path, index=False)
        return Results(tmp_path, Experiment())

    return written


def cells(markdown: str) -> list[list[str]]:
    header, _, *rows = markdown.splitlines()
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in (header, *rows)]


DICE = {
    ("2D", 0): {"a": 0.8, "b": 0.6}, ("2D", 1): {"a": 0.7, "b": 0.5},
    ("X", 0): {"a": 0.9, "b": 0.6}, ("X", 1): {"a": 0.8, "b": 0.6}, ("Y", 0): {"a": 0.1, "b": 0.1},
}  # fmt: skip
TIMES = pd.DataFrame(
    {"name": name, "fold": 0, "seed": seed, "cpu_s": 60.0 * minutes}
    for (name, seed), minutes in {("2D", 0): 2, ("2D", 1): 2, ("X", 0): 3, ("X", 1): 5, ("Y", 0): 1}.items()
)


def test_a_run_is_the_mean_over_cases_of_the_mean_over_structures():
    table = cases(DICE)
    table.loc[table.structure.eq("b") & table.case.eq("p") & table.name.eq("X"), "dice"] = float("nan")
    means = run_means(pd.concat([table, table.assign(structure=FOREGROUND, dice=0.0)]))
    of_x = ((0.9) + (0.91 + 0.61) / 2 + (0.92 + 0.62) / 2) / 3  # b of p is in neither segmentation
    assert means.dice["X", "fold 0, seed 0"] == pytest.approx(of_x)


def test_arms_are_paired_with_the_reference_run_by_run(results):
    found = results(x__cases=cases(DICE), x__process_time=TIMES)
    note_hardware(found)
    title, *rows = cells(runs_table("x", "2D", ["Y", "missing", "X", "2D"])(found))
    by_arm = {row[0]: dict(zip(title, row, strict=True)) for row in rows}
    assert list(by_arm) == ["Y", "X", "2D"]  # in the order asked for
    assert by_arm["X"]["of each run"] == "+0.0500, +0.1000" and by_arm["X"]["runs"] == "2"
    assert by_arm["X"]["minus 2D [95 % CI]"].startswith("+0.075") and by_arm["X"]["time"] == "1.50, 2.50"
    assert by_arm["Y"]["of each run"] == "-0.6000" and by_arm["Y"]["patients"] == "3"
    assert by_arm["2D"]["Dice of each run"] == "0.7100, 0.6100" and by_arm["2D"]["time"] == ""
    assert [row[0] for row in cells(runs_table("x", "2D")(found))[1:]] == ["X", "2D", "Y"]  # the best first
    assert runs_table("elsewhere", "2D")(found) == runs_table("x", "Z")(found) == NOT_RUN
    assert runs_table("x", "2D", ["missing"])(found) == NOT_RUN


def test_structures_are_paired_over_the_runs_that_both_have(results):
    found = results(x__cases=cases(DICE | {("X", 7): {"a": 0.0, "b": 0.0}}))
    title, *rows = cells(structures_table("x", "2D")(found))
    assert title == ["arm", "a", "b"] and [row[0] for row in rows] == ["X", "Y"]
    assert rows[0][1].startswith("+0.1000") and rows[0][2].startswith("+0.0500")
    assert rows[1][1].startswith("-0.7000") and rows[1][2].startswith("-0.5000")
    assert structures_table("elsewhere", "2D")(found) == structures_table("x", "Y7")(found) == NOT_RUN


def test_times_on_two_kinds_of_hardware_are_not_compared(results):
    found = results(x__cases=cases(DICE), x__process_time=TIMES)
    note_hardware(found, {"X, 0, 1": "4 x B"})
    assert time_of_x(found) == "1.50, -"
    (found.folder / FILE).unlink()
    assert time_of_x(found) == "-, -"  # not recorded


def test_of_several_commits_of_a_run_the_last_collected_counts(results):
    """A run that is made again at another commit has rows of both."""
    old, new = (cases(DICE).assign(commit=commit) for commit in ("old", "new"))
    old["dice"] = 0.1
    times = [TIMES.assign(commit="old", cpu_s=1.0), TIMES.assign(commit="new")]
    found = results(x__cases=pd.concat([old, new]), x__process_time=pd.concat(times))
    notes = {", ".join(map(str, run)): {"hardware": "2 x A"} for run in TIMES.assign(commit="new")[
        ["name", "fold", "seed", "commit"]].itertuples(index=False)}  # fmt: skip
    (found.folder / FILE).write_text(json.dumps(notes))
    title, row = cells(runs_table("x", "2D", ["X"])(found))
    row = dict(zip(title, row, strict=True))
    assert row["of each run"] == "+0.0500, +0.1000" and row["time"] == "1.50, 2.50"
    assert cells(structures_table("x", "2D")(found))[1][1].startswith("+0.1000")
    once = results(y__cases=new, y__process_time=times[1])
    assert find_scores(found, "x", "X", "2D").paired("X").difference == (
        find_scores(once, "y", "X", "2D").paired("X").difference
    )


def test_a_run_without_any_dice_has_no_time(results):
    """Its structures are in no segmentation, so it is not among the runs that are compared."""
    nowhere = cases(DICE)
    nowhere.loc[nowhere.seed.eq(0), "dice"] = float("nan")
    found = results(x__cases=nowhere, x__process_time=TIMES)
    note_hardware(found)
    assert time_of_x(found) == "2.50"


def note_hardware(results, others=()):
    """The same for all runs of `TIMES` but the `others`."""
    runs = [", ".join(map(str, run)) for run in TIMES[["name", "fold", "seed"]].itertuples(index=False)]
    noted = dict.fromkeys(runs, "2 x A") | dict(others)
    (results.folder / FILE).write_text(json.dumps({run: {"hardware": it} for run, it in noted.items()}))


def time_of_x(results) -> str:
    title, row = cells(runs_table("x", "2D", ["X"])(results))
    return dict(zip(title, row, strict=True))["time"]


def test_what_reslicing_loses_is_paired_within_the_runs_that_are_there_twice(results):
    resliced = {("2D", 0): {"a": 0.78, "b": 0.58}, ("X", 0): {"a": 0.85, "b": 0.55}}
    found = results(t__cases=cases(DICE), t_resliced__cases=cases(resliced))
    title, *rows = cells(resliced_table("t", ["2D", "X", "Y", "missing"])(found))
    by_arm = {row[0]: dict(zip(title, row, strict=True)) for row in rows}
    assert by_arm["X"]["trained on data as they are"] == "0.7600, 0.7100"
    assert by_arm["X"]["trained on data re-sliced"] == "0.7100"
    assert by_arm["X"]["re-sliced minus as they are [95 % CI]"].startswith("-0.050")
    assert by_arm["2D"]["re-sliced minus as they are [95 % CI]"].startswith("-0.020")
    assert by_arm["Y"]["re-sliced minus as they are [95 % CI]"] == ""
    assert by_arm["Y"]["trained on data re-sliced"] == by_arm["missing"]["trained on data as they are"] == ""


def test_metrics_and_costs_of_each_run(results):
    of_arm = {"precision": {"2D": 0.9, "X": 0.8}, "recall": {"2D": 0.7, "X": 0.6}}
    of_arm |= {"jaccard": {"2D": 0.5, "X": 0.4}}
    runs = {run: dice for run, dice in DICE.items() if run[0] != "Y"}
    found = results(
        s__overlaps=cases(runs, **of_arm),
        s__distances=cases(runs, hd95={"2D": 3.0, "X": 2.0}),
        s__process_time=TIMES,
        s__size=TIMES[["name", "fold", "seed"]].assign(parameters=1_500_000),
    )
    assert cells(metrics_table("s", ["X", "Y"])(found))[1:] == [
        ["X", "0.7600, 0.7100", "0.8000, 0.8000", "0.6000, 0.6000", "0.4000, 0.4000", "2.00, 2.00"]
    ]
    assert cells(costs_table("s", ["X"])(found))[1:] == [["X", "3.0, 5.0", "1.5, 1.5"]]
    assert metrics_table("none", ["X"])(found) == costs_table("none", ["X"])(found) == NOT_RUN


def test_differences_are_over_the_runs_that_both_have_and_arms_keep_their_order():
    _, two_d, x, y = cells(differences_table(cases(DICE).assign(patient=lambda rows: rows.case), "2D"))
    assert two_d == ["2D", "0.7100, 0.6100", "", "2", "", "", ""]
    assert x[:2] == ["X", "0.7600, 0.7100"] and x[2].startswith("+0.0750 [")
    assert x[3:6] == ["2", "3", "+0.0500, +0.1000"]
    assert y[:2] == ["Y", "0.1100"] and y[3:6] == ["1", "3", "-0.6000"]


def test_the_summary_corrects_the_primary_comparisons_for_those_that_have_not_run(results):
    found = results(part__cases=cases(DICE))
    comparisons = {"ours": ("part", "X", "2D"), "other": ("part", "Y", "2D"), "later": ("nothing", "X", "2D")}
    table, left = summary_table(comparisons, ["ours", "later"])(found).split("\n\n")
    _, ours, other = cells(table)
    assert ours[1].startswith("+0.0750 [") and ours[2:4] == ["+0.0500, +0.1000", "3"]
    assert float(ours[5]) == pytest.approx(min(1, 2 * float(ours[4])), rel=0.1)
    assert other[5] == "" and left == "Not finished yet: later."


@pytest.mark.parametrize(("seeds", "finished"), [((0, 1), True), ((0, 1, 2), False)])
def test_a_comparison_of_which_declared_runs_are_missing_is_not_summed_up(results, seeds, finished):
    part = Runs({"part/cases.csv": validated}, seeds=seeds)
    arms = {"2D": "nnUNetTrainer_5epochs", "X": "nnUNetTrainerCSANet_5epochs"}
    experiment = Experiment(dataset="Dataset001_A", arms=arms, runs=[part])
    found = Results(results(part__cases=cases(DICE)).folder, experiment)
    assert (find_scores(found, "part", "X", "2D") is not None) == finished

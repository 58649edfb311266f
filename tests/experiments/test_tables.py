"""Answers from case tables, as the package's own report computes them."""

import pandas as pd
import pytest

from experiments.collectors import validated
from experiments.declaration import Experiment, Runs
from experiments.results import Results
from experiments.tables import FOREGROUND, difference, grid, joined, missing, scores
from nnunet_slice_attention.evaluation import metrics

NAN = float("nan")
DICE = {  # patient, case: {structure: (Dice of A, Dice of B)}
    ("p", "p_1"): {"RV": (0.9, 0.8), "LV": (NAN, 0.0), FOREGROUND: (0.1, 0.9)},  # B hallucinates LV
    ("p", "p_2"): {"RV": (0.7, 0.7), "LV": (NAN, NAN), FOREGROUND: (0.1, 0.9)},  # which is in neither
    ("q", "q_1"): {"RV": (0.5, 0.6), "LV": (0.5, 0.4), FOREGROUND: (0.1, 0.9)},
}


@pytest.fixture
def cases() -> pd.DataFrame:
    rows = [
        (f"{model} 2d", 0, 0, patient, case, structure, dice[place])
        for place, model in enumerate("AB")
        for (patient, case), by_structure in DICE.items()
        for structure, dice in by_structure.items()
    ]
    return pd.DataFrame(rows, columns=["model", "seed", "fold", "patient", "case", "structure", "dice"])


def test_patients_are_the_unit_and_the_foreground_is_no_class(cases):
    assert scores(cases).values("A 2d") == pytest.approx({"p": 0.8, "q": 0.5})
    assert scores(cases).values("B 2d", "LV") == pytest.approx({"p": 0.0, "q": 0.4})
    assert metrics.FOREGROUND == FOREGROUND


def test_what_only_one_hallucinates_is_perfect_for_the_other(cases):
    found = scores(cases, "A 2d").paired("B 2d")
    in_p = ((0.8 + 0.0) / 2 - (0.9 + 1.0) / 2 + 0.0) / 2
    assert found.difference.mean == pytest.approx((in_p + 0.0) / 2)
    assert (found.n, found.wins, found.ties, found.losses) == (2, 0, 1, 1)


def test_a_case_of_one_model_only_is_refused(cases):
    with pytest.raises(
        ValueError, match="B 2d and A 2d have different cases: only one of them has 'q_1 seed 0'"
    ):
        scores(cases[(cases.model == "A 2d") | (cases.case != "q_1")], "A 2d").paired("B 2d")


def test_seeds_are_cases_of_their_patient(cases):
    second = cases[cases.case != "p_2"].assign(seed=1, dice=cases.dice / 2)
    both = pd.concat([cases, second])
    assert scores(both).values("A 2d") == pytest.approx({"p": (0.9 + 0.7 + 0.45) / 3, "q": 0.375})


def test_of_several_commits_of_a_run_the_last_in_the_table_counts(cases, tmp_path):
    later = cases.assign(commit="new", dice=cases.dice + (cases.model == "B 2d") * 0.1)
    pd.concat([cases.assign(commit="old"), later]).to_csv(tmp_path / "cases.csv", index=False)
    experiment = Experiment(questions={}, arms={"a": "A", "b": "B"})
    results = Results(tmp_path, experiment)
    assert len(joined(results, "cases.csv")) == len(cases)
    answer = difference("b", "a")(results)
    assert answer.difference.mean == pytest.approx(scores(later, "A 2d").paired("B 2d").difference.mean)


def test_a_table_with_a_column_for_each_structure_has_patients_by_the_experiments_rule(tmp_path):
    (tmp_path / "cases.csv").write_text(
        "trainer,seed,case,RV,LV\nA,0,p_1,0.9,0.7\nA,0,p_2,0.5,\nA,0,q_1,0.4,0.2\n"
    )
    found = Results(tmp_path, Experiment(patient=r"(\w)_")).cases()
    assert set(found.model) == {"A"} and set(found.structure) == {"RV", "LV"}
    assert scores(found).values("A") == pytest.approx({"p": (0.8 + 0.5) / 2, "q": 0.3})


def test_a_cell_of_none_is_blank_in_a_table():
    assert (
        grid([{"arm": "A", "n": 2}, {"arm": "B", "n": None}]) == "| arm | n |\n|---|---:|\n| A | 2 |\n| B | |"
    )


def test_the_missing_runs_are_those_of_the_first_group(tmp_path):
    (tmp_path / "cases.csv").write_text("trainer,seed,case,RV\nA_5epochs,0,p_1,0.9\n")
    arms, groups = (
        {"a": "A_5epochs", "b": "B_5epochs 3d_fullres"},
        [Runs({"cases.csv": validated}, seeds=[0, 1])],
    )
    results = Results(tmp_path, Experiment(dataset="Dataset027_X", arms=arms, runs=groups))
    left = "B_5epochs 3d_fullres (seed 0), A_5epochs (seed 1), B_5epochs 3d_fullres (seed 1)"
    assert missing(results) == left

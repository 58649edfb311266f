"""The numbers of a comparison, against hand-computed tables and the underlying statistics."""

from statistics import mean

import numpy as np
import pandas as pd
import pytest

from nnunet_slice_attention.evaluation import scores as module
from nnunet_slice_attention.evaluation.metrics import FOREGROUND
from nnunet_slice_attention.evaluation.patient_statistics import compare_patients, holm
from nnunet_slice_attention.evaluation.runs import compare_runs
from nnunet_slice_attention.evaluation.scores import MEAN, Scores

NAN = float("nan")
STRUCTURES = ("disc", "core", FOREGROUND)


def table(models=("a", "b", "c"), runs=("",), patients=6, seed=0) -> pd.DataFrame:
    """Two cases per patient, two classes and the foreground."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "model": model,
            "run": run,
            "fold": 0,
            "patient": f"p{patient}",
            "case": f"p{patient}_{visit}",
            "structure": structure,
            "dice": rng.uniform(0.5, 1),
            "hd95": rng.uniform(1, 9),
            "presence": "found",
        }
        for run in runs
        for model in models
        for patient in range(patients)
        for visit in range(2)
        for structure in STRUCTURES
    )


def test_the_mean_of_classes_comes_first_if_there_are_several_and_excludes_the_foreground():
    scores = Scores(table(), "a")
    assert scores.structures == [MEAN, *STRUCTURES]
    assert scores.overall == MEAN
    own = scores.cases[(scores.cases.model == "b") & (scores.cases.structure != FOREGROUND)]
    expected = own.groupby(["patient", "case"]).dice.mean().groupby("patient").mean()
    assert scores.values("b") == pytest.approx(expected.to_dict())
    one = scores.where(structure="disc")
    assert one.structures == ["disc"] and one.overall == "disc"
    assert one.values("b") == scores.values("b", "disc")


def test_a_case_without_the_structure_is_left_out_of_the_patient_mean():
    cases = table()
    first = (cases.case == "p0_0") & (cases.structure == "disc") & (cases.model == "b")
    cases.loc[first, "dice"] = NAN
    other = cases[(cases.case == "p0_1") & (cases.structure == "disc") & (cases.model == "b")].dice.item()
    assert Scores(cases, "a").values("b", "disc")["p0"] == other


def test_a_correctly_empty_prediction_beside_a_hallucination_counts_as_perfect():
    cases = pd.DataFrame(
        {"model": model, "patient": case, "case": case, "structure": "disc", "dice": dice}
        for model, values in {
            "a": {"p": NAN, "q": 0.5, "r": NAN},
            "b": {"p": 0.0, "q": 0.7, "r": NAN},
        }.items()
        for case, dice in values.items()
    )
    scores = Scores(cases, "a")
    assert scores.paired_cases("b") == ({("p",): 0.0, ("q",): 0.7}, {("p",): 1.0, ("q",): 0.5})
    assert scores.deltas("b") == pytest.approx({"p": -1.0, "q": 0.2})


def test_models_with_different_cases_are_refused_and_not_counted_as_perfect():
    cases = table()
    with pytest.raises(ValueError, match="b and a have different cases: only one of them has 'p3_1' .1 such"):
        Scores(cases[(cases.model != "b") | (cases.case != "p3_1")], "a").paired("b")
    with pytest.raises(ValueError, match="12 such cases"):
        Scores(cases[cases.model == "a"], "a").paired("b")


def test_one_run_is_compared_over_patients_and_several_over_both():
    scores = Scores(table(), "a")
    assert scores.runs == []
    assert scores.paired("b", "disc") == compare_patients(
        scores.values("a", "disc"), scores.values("b", "disc")
    )
    several = Scores(table(runs=("s0", "s1")), "a")
    assert several.runs == ["s0", "s1"]
    by_run = {
        name: {run: several.where(run=run).values(name, "disc") for run in several.runs} for name in "ab"
    }
    assert several.paired("b", "disc") == compare_runs(by_run["a"], by_run["b"])
    assert several.values("b", "disc")["p2"] == pytest.approx(
        mean(by_run["b"][r]["p2"] for r in several.runs)
    )
    assert several.where(run="s1").runs == []  # one run alone


@pytest.mark.parametrize("runs", [("",), ("s0", "s1")])
def test_a_difference_is_that_of_the_comparison_without_the_test(runs, monkeypatch):
    expected = Scores(table(runs=runs), "a").paired("b", "disc", "hd95").difference
    if len(runs) == 1:
        monkeypatch.setattr(module, "compare_patients", None)
    assert Scores(table(runs=runs), "a").difference("b", "disc", "hd95") == expected


def test_every_comparison_is_computed_once(monkeypatch):
    calls = []
    monkeypatch.setattr(
        module, "compare_patients", lambda *values: calls.append(1) or compare_patients(*values)
    )
    scores = Scores(table(), "a")
    for _ in range(2):
        for structure in (None, *scores.structures):
            (
                scores.paired("b", structure),
                scores.corrected_p("c", structure),
                scores.difference("c", structure),
            )
    assert len(calls) == 2 * len(scores.structures)


def test_verdicts_are_a_holm_family_without_ensembles():
    scores = Scores(table(), "a", single=["a", "b"])
    raw = {(m, s): scores.paired(m, s).p for m in ("b", "c") for s in scores.structures}
    rest = {key: p for key, p in raw.items() if key != ("b", MEAN)}
    assert scores.corrected_p("b") == raw["b", MEAN]
    assert {key: scores.corrected_p(*key) for key in rest} == holm(rest)
    without = Scores(table(), "a")
    assert without.corrected_p("b") == holm({m: raw[m, MEAN] for m in ("b", "c")})["b"]


def test_swapping_the_baseline_flips_the_sign():
    scores, swapped = Scores(table(), "a"), Scores(table(), "b")
    assert swapped.deltas("a") == pytest.approx({p: -d for p, d in scores.deltas("b").items()})
    assert swapped.others == ["a", "c"]


def test_presence_counts_cases_and_classes():
    cases = table(models=("a",))
    cases.loc[cases.case == "p0_0", "presence"] = "missed"
    scores = Scores(cases, "a")
    assert (scores.presence("a")["missed"], scores.presence("a", "disc")["missed"]) == (2, 1)
    assert scores.presence("a")["hallucinated"] == 0

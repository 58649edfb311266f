"""Tables of paired differences: what is shown of which family of comparisons."""

import pandas as pd

from nnunet_slice_attention.evaluation.scores import MEAN, Scores
from nnunet_slice_attention.report.differences import difference_tables, surface_table

GAINS = {"a": 0.0, "b": 0.1, "a + b": 0.1}


def cases_of(models):
    return pd.DataFrame(
        [
            {"model": model, "patient": f"p{i}", "case": f"p{i}", "structure": structure, "dice": dice}
            for model in models
            for i in range(8)
            for structure in ("disc", "core")
            for dice in [0.5 + GAINS[model] + i / 100]
        ]
    )


def test_an_ensemble_that_nobody_asked_for_changes_no_verdict():
    p_of = {}
    for models in (["a", "b"], ["a", "b", "a + b"]):
        (table,) = difference_tables(Scores(cases_of(models), "a", single=["a", "b"]))
        p_of[len(models)] = next(row[-1] for row in table.rows if row[:2] == (MEAN, "b"))
    assert p_of[2] == p_of[3] == "0.00781"


def test_surfaces_are_paired_patient_by_patient_and_a_hallucination_counts_against_an_empty_prediction():
    nan = float("nan")
    figures = {  # (nsd, hd95) of the patients; the second has no structure, which only b sees
        "a": [(0.8, 5.0), (nan, nan), (0.6, 9.0)],
        "b": [(0.9, 4.0), (0.0, 30.0), (0.6, 9.0)],
    }
    cases = pd.DataFrame(
        {"model": model, "patient": f"p{i}", "case": f"p{i}", "structure": "disc", "nsd": nsd, "hd95": hd95}
        for model, of_patients in figures.items()
        for i, (nsd, hd95) in enumerate(of_patients)
    )
    (row,) = surface_table(Scores(cases, "a"), 2).rows
    assert row[:2] == ("disc", "b")
    assert row[2].startswith("-0.300 [-1.000, ")  # mean of 0.1, 0 - 1, 0
    assert row[3].startswith("+9.7 [-1.0, +30.0]")  # mean of -1, 30 - 0, 0

"""Tables of paired differences: families of comparisons, pairing, and notes."""

import pandas as pd

from nnunet_slice_attention.evaluation.scores import MEAN, Scores
from nnunet_slice_attention.report.differences import difference_tables, surface_table

GAINS = {"a": 0.0, "b": 0.1, "a + b": 0.1}


def make_cases(models):
    return pd.DataFrame(
        [
            {"model": model, "patient": f"p{i}", "case": f"p{i}", "structure": structure, "dice": dice}
            for model in models
            for i in range(8)
            for structure in ("disc", "core")
            for dice in [0.5 + GAINS[model] + i / 100]
        ]
    )


def test_ensembles_change_no_verdict():
    p = {}
    for models in (["a", "b"], ["a", "b", "a + b"]):
        (table,) = difference_tables(Scores(make_cases(models), "a", single=["a", "b"]))
        p[len(models)] = next(row[-1] for row in table.rows if row[:2] == (MEAN, "b"))
    assert p[2] == p[3] == "0.008"


def test_surface_metrics_are_paired_and_hallucinations_count_against_an_empty_prediction():
    nan = float("nan")
    values = {  # (nsd, hd95) per patient; the second has no structure, and b hallucinates it
        "a": [(0.8, 5.0), (nan, nan), (0.6, 9.0)],
        "b": [(0.9, 4.0), (0.0, 30.0), (0.6, 9.0)],
    }
    cases = pd.DataFrame(
        {"model": model, "patient": f"p{i}", "case": f"p{i}", "structure": "disc", "nsd": nsd, "hd95": hd95}
        for model, patients in values.items()
        for i, (nsd, hd95) in enumerate(patients)
    )
    table = surface_table(Scores(cases, "a"), 2)
    (row,) = table.rows
    assert row[:2] == ("disc", "b")
    assert row[2].startswith("-0.300 [-1.000, ")  # mean of 0.1, 0 - 1, 0
    assert row[3].startswith("+9.7 [-1.0, +30.0]")  # mean of -1, 30 - 0, 0
    assert (
        "NSD at 2 mm: higher is better, 0 if missed or hallucinated; HD95: lower is better, the vol"
        in table.note
    )

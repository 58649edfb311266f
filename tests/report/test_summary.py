"""What is one family of comparisons."""

import pandas as pd

from nnunet_slice_attention.report.summary import MEAN, difference_table

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
        table = difference_table(cases_of(models), models, "a", single=["a", "b"])
        p_of[len(models)] = next(row[-1] for row in table.rows if row[:2] == (MEAN, "b"))
    assert p_of[2] == p_of[3] == "0.00781"

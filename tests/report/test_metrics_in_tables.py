"""A metric is one row: the case table, the accuracy table and the paired differences follow from it."""

import numpy as np
import pandas as pd

from nnunet_slice_attention.evaluation.metrics import METRICS, PAIRED, TABULATED, structure_metrics
from nnunet_slice_attention.evaluation.scores import Scores
from nnunet_slice_attention.report.differences import surface_table
from nnunet_slice_attention.report.summary import accuracy_table


def cases() -> pd.DataFrame:
    rng, rows = np.random.default_rng(0), []
    for patient in range(4):
        truth = rng.random((3, 8, 8)) < 0.5
        for model in ("a", "b"):
            found = structure_metrics(truth, truth & (rng.random(truth.shape) < 0.9), (5.0, 1.0, 1.0), 2.0)
            of_case = {"model": model, "case": f"c{patient}", "patient": patient, "structure": "disc"}
            rows.append(of_case | found)
    return pd.DataFrame(rows)


def test_every_row_is_a_column_and_is_shown_where_it_says_so():
    table = cases()
    assert set(METRICS) < set(table.columns)
    columns = accuracy_table(Scores(table, "a"), 2.0).columns
    shown = [METRICS[name].heading(2.0) for name in TABULATED[1:]]
    assert list(columns[5:-3]) == shown == ["NSD at 2 mm", "HD95 [mm]", "HD [mm]", "volume error [ml]"]
    paired = surface_table(Scores(table, "a"), 2.0).columns[2:]
    assert [c.removesuffix(", difference [95 % CI]") for c in paired] == [
        METRICS[name].heading(2.0) for name in PAIRED[1:]
    ]
    assert TABULATED[0] == PAIRED[0] == "dice"

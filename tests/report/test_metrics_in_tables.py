"""A metric is one row of `METRICS`: case table, accuracy table and paired differences follow from it."""

import numpy as np
import pandas as pd

from nnunet_slice_attention.evaluation.metrics import METRICS, PAIRED, TABULATED, structure_metrics
from nnunet_slice_attention.evaluation.scores import Scores
from nnunet_slice_attention.report.accuracy import accuracy_table
from nnunet_slice_attention.report.differences import surface_table


def cases() -> pd.DataFrame:
    rng, rows = np.random.default_rng(0), []
    for patient in range(4):
        truth = rng.random((3, 8, 8)) < 0.5
        for model in ("a", "b"):
            found = structure_metrics(truth, truth & (rng.random(truth.shape) < 0.9), (5.0, 1.0, 1.0), 2.0)
            row = {"model": model, "case": f"c{patient}", "patient": patient, "structure": "disc"}
            rows.append(row | found)
    return pd.DataFrame(rows)


def test_every_metric_is_a_column_of_the_case_table_and_of_the_tables_it_names():
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

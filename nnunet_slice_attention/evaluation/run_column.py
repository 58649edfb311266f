"""The column that identifies the run in a case table: results folder, fold, or both."""

import pandas as pd

RUN = "run and fold"


def with_runs(cases: pd.DataFrame) -> pd.DataFrame:
    """Add the column `RUN`, e.g. "seed_0, fold 1"; unchanged if the table holds one run.

    Args:
        cases: with columns `fold`, which may be empty, and `run`, the results folder, if there are several.
    """
    formats = {"run": "{}", "fold": "fold {}"}
    varying = [key for key in formats if key in cases and cases[key].nunique() > 1]
    if not varying:
        return cases
    labels = [cases[key].map(formats[key].format) for key in varying]
    return cases.assign(**{RUN: labels[0] if len(labels) == 1 else labels[0] + ", " + labels[1]})

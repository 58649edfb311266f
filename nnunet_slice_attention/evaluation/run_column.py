"""The column that tells runs apart in a case table of several: results folders, folds, or both."""

import pandas as pd

RUN = "run and fold"


def with_runs(cases: pd.DataFrame) -> pd.DataFrame:
    """The table with the column `RUN`, e.g. "seed_0, fold 1"; unchanged if it holds one run.

    Args:
        cases: with the column `fold`, which may be empty, and `run`, the results folder, if there are several.
    """
    parts = {"run": "{}", "fold": "fold {}"}
    differing = [key for key in parts if key in cases and cases[key].nunique() > 1]
    if not differing:
        return cases
    labels = [cases[key].map(parts[key].format) for key in differing]
    return cases.assign(**{RUN: labels[0] if len(labels) == 1 else labels[0] + ", " + labels[1]})

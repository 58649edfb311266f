"""The column that tells runs apart in a table of several: results folders, folds, or both. That of one lacks it."""

import pandas as pd

RUN = "run and fold"


def with_runs(cases: pd.DataFrame) -> pd.DataFrame:
    """With the column `RUN`, e.g. "seed_0, fold 1", if there is more than one.

    Args:
        cases: with the column `fold`, which may be empty, and `run`, the results folder, if there are several of them.
    """
    parts = {"run": "{}", "fold": "fold {}"}
    differing = [key for key in parts if key in cases and cases[key].nunique() > 1]
    if not differing:
        return cases
    named = [cases[key].map(parts[key].format) for key in differing]
    return cases.assign(**{RUN: named[0] if len(named) == 1 else named[0] + ", " + named[1]})


def runs_of(cases: pd.DataFrame) -> list[str]:
    """Their names, in the order of the table; empty of one run."""
    return list(dict.fromkeys(cases[RUN])) if RUN in cases else []


def case_keys(cases: pd.DataFrame) -> list[str]:
    """The columns that tell cases apart: a case comes once a run."""
    return [RUN, "case"] if RUN in cases else ["case"]


def each_in(folders: int) -> str:
    """What a sentence on pooled volumes adds where each is there once a results folder."""
    return f", each in {folders} runs" if folders > 1 else ""

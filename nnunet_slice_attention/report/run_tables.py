"""Tables of models against a reference over several runs: the difference of all, and that of each."""

from collections.abc import Sequence

import pandas as pd

from .differences import FAMILIES, OF_RUNS, Found, all_pairs, corrected
from .run_column import runs_of
from .summary import structures_of, with_mean
from .tables import Table, number


def run_tables(
    cases: pd.DataFrame, models: Sequence[str], reference: str, single: Sequence[str]
) -> list[Table]:
    """Every model but the reference against it; `single` are those that are no ensembles."""
    found = all_pairs(cases, models, reference)
    adjusted = corrected(found, with_mean(structures_of(cases))[0], single)
    return [_all_runs(found, adjusted, reference), _each_run(found, runs_of(cases), reference)]


def _all_runs(found: Found, adjusted: dict[tuple[str, str], float], reference: str) -> Table:
    columns = (
        "structure", "model", "Dice difference [95 % CI]", "runs", "n", "SD between runs",
        "runs better / equal / worse", "p", "p (Holm)",
    )  # fmt: skip
    rows = [
        (
            *key,
            str(c.difference),
            str(c.runs),
            str(c.n),
            number(c.sd, ".4f"),
            f"{c.wins} / {c.ties} / {c.losses}",
            number(c.p, ".3g"),
            number(adjusted[key], ".3g"),
        )
        for key, c in found.items()
    ]
    note = (
        f"To {reference}, in the same runs, on the same patients, cases and classes; where one of the two hallucinates "
        "a structure, the other, rightly empty, counts 1. A run is one fold of one results folder. Mean over runs of "
        f"the mean over each run's patients (n: patients in all); percentile bootstrap {OF_RUNS} with 10,000 draws, "
        "too narrow for few runs. p: t-test on the variance between runs and that between patients, which allows for "
        f"few runs. {FAMILIES}"
    )
    return Table("Differences", columns, tuple(rows), note)


def _each_run(found: Found, runs: Sequence[str], reference: str) -> Table:
    rows = tuple(
        (*key, *(number(compared.of_run.get(run, float("nan")), "+.4f") for run in runs))
        for key, compared in found.items()
    )
    note = f"Dice difference to {reference}, mean over the patients of the run."
    return Table("Each run", ("structure", "model", *runs), rows, note)

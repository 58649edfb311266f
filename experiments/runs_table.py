"""Training runs against those of a reference: what several pages share about arms with more than one run."""

from collections.abc import Iterable, Sequence

import pandas as pd

from nnunet_slice_attention.evaluation.metrics import FOREGROUND
from nnunet_slice_attention.evaluation.scores import MEAN, Scores

from .results import Results, latest, question
from .tables import grid, joined

NOT_RUN = "Not run yet."


@question
def runs_table(results: Results, part: str, reference: str, arms: Sequence[str] | None = None) -> str:
    """`differences_table` of a folder's runs, with the time of each run relative to that of the reference's.

    It is given if both were measured on the same hardware.

    Args:
        part: folder of the tables.
        arms: in this order, those that have run; all, the best first, if None.
    """
    file = f"{part}/cases.csv"
    if not results.has(file) or reference not in set(results.table(file).name):
        return NOT_RUN
    cases = joined(results, file)
    if arms is None:
        medians = run_means(cases).dice.unstack().median(axis="columns")
        arms = medians.sort_values(ascending=False, kind="stable").index
    file = f"{part}/process_time.csv"
    times = with_runs(latest(results.table(file).assign(hardware=results.hardware(file))))
    times = times.pivot(index="name", columns="run", values=["cpu_s", "hardware"])
    seconds, hardware = times["cpu_s"], times["hardware"]
    same = hardware.eq(hardware.loc[reference]) & (hardware != "")
    return differences_table(cases, reference, arms, times=seconds.div(seconds.loc[reference]).where(same))


def differences_table(
    cases: pd.DataFrame,
    reference: str,
    arms: Sequence[str] | None = None,
    title: str = "arm",
    times: pd.DataFrame | None = None,
) -> str:
    """Mean Dice of each run of each arm, and the paired difference to the reference over runs and patients.

    Args:
        cases: with the columns `name`, the arm, `fold` and `seed`.
        arms: in this order, those that have run; all, in the order of the cases, if None.
        title: of the column of arms.
        times: of each arm, its index, in each run, its columns; None leaves them out.
    """
    dice, runs, rows = run_means(cases).dice.unstack(), with_runs(cases), []
    for arm in dict.fromkeys(cases.name) if arms is None else [arm for arm in arms if arm in dice.index]:
        own = scores_of_pairs(runs, arm, reference)
        found, gains = own and own.paired(arm), by_run(own, arm) if own else []
        row = {
            title: arm,
            "Dice of each run": listed(dice.loc[arm].dropna(), ".4f"),
            f"minus {reference} [95 % CI]": found and found.difference,
            "runs": len(gains) or dice.loc[arm].count(),
            "patients": found and found.n,
            "of each run": found and listed(gains, "+.4f"),
            "p": found and f"{found.p:.2g}",
        }
        if times is not None:
            paired = (list(found.by_run) if own.runs else own.cases.run.unique()) if own else []
            row["time"] = found and listed(times.loc[arm, paired], ".2f")
        rows.append(row)
    return grid(rows) if rows else NOT_RUN


@question
def structures_table(results: Results, part: str, reference: str) -> str:
    """The paired difference of each arm to the reference in each structure, over the runs that both have."""
    file = f"{part}/cases.csv"
    if not results.has(file) or reference not in set(results.table(file).name):
        return NOT_RUN
    cases = with_runs(joined(results, file))
    rows = []
    for arm in sorted(set(cases.name)):
        if found := scores_of_pairs(cases, arm, reference):
            classes = [s for s in found.structures if s not in (FOREGROUND, MEAN)]
            rows.append({"arm": arm} | {s: found.difference(arm, s) for s in classes})
    return grid(rows) if rows else NOT_RUN


def find_scores(results: Results, part: str, arm: str, reference: str) -> Scores | None:
    """Of the runs in a folder that both have; None before all that are declared for both are there.

    A part of them could be taken for the answer.
    """
    if not results.has(file := f"{part}/cases.csv"):
        return None
    scores = scores_of_pairs(with_runs(joined(results, file)), arm, reference)
    groups = [group for group in results.experiment.runs if file in group.into]
    declared = [run for group in groups for run in results.experiment.runs_of(group, results.folder)]
    of_arm, of_reference = (
        {(r.fold, r.seed) for r in declared if r.name == name} for name in (arm, reference)
    )
    return scores if scores and scores.cases.run.nunique() >= len(of_arm & of_reference) else None


def scores_of_pairs(cases: pd.DataFrame, arm: str, reference: str) -> Scores | None:
    """Of the runs that both have; None if there are none, or for the reference itself.

    Args:
        cases: `with_runs`.
    """
    runs = cases.groupby("name").run.agg(set)
    both = runs.get(arm, set()) & runs.get(reference, set())
    return Scores(cases[cases.run.isin(both)], reference) if both and arm != reference else None


def by_run(scores: Scores, arm: str) -> list[float]:
    """The mean difference to the baseline in each run."""
    found = scores.paired(arm)
    return list(found.by_run.values()) if scores.runs else [found.difference.mean]


def with_runs(table: pd.DataFrame) -> pd.DataFrame:
    run = "fold " + table.fold.astype(str) + ", seed " + table.seed.astype(str)
    return table.assign(model=table["name"], run=run).drop(columns="fold")


def run_means(table: pd.DataFrame) -> pd.DataFrame:
    """By arm and run: means over cases of the means over their structures."""
    keys, own = ["name", "run"], with_runs(table)
    if "case" in own:
        own = own[own.structure != FOREGROUND].groupby([*keys, "case"]).mean(numeric_only=True)
    return own.groupby(keys).mean(numeric_only=True)


def listed(values: Iterable[float], form: str) -> str:
    """A dash for NaN."""
    return ", ".join("-" if pd.isna(value) else format(value, form) for value in values)

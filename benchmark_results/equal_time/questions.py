"""What this page computes from its tables, besides what pages share."""

from collections.abc import Mapping, Sequence

import pandas as pd

from benchmark_results.equal_time.step_cost import ratio
from experiments.budget import STOCK, loaded_ratios
from experiments.results import Results, latest, question
from experiments.runs_table import NOT_RUN, by_run, find_scores, listed, with_runs
from experiments.tables import grid, joined
from nnunet_slice_attention.evaluation.patient_statistics import holm

STEPS = {"40 x 40, batch 12": "networks_514.csv", "128 x 128, batch 6": "networks_27.csv"}
DATA = {27: "ACDC40", 504: "Hippocampus, axial", 514: "Hippocampus, coronal", 530: "BTCV30"}
SHARE_OF_2D = 3 / 5  # of the epochs
KINDS = {
    "foreground_dice": ("Dice of the foreground", ".4f"),
    "confused": ("wrong class", ".1%"),
    "whole_slices": ("whole slices", ".1%"),
    "ends": ("end slices", ".1%"),
    "inside": ("slices between", ".1%"),
}
A_SLICE_OFF = 0.04  # of the foreground in the wrong class: half of a slice's mean share


def step_table(results: Results) -> str:
    """A row for each trainer: the cost of a step with data loading, in each phase, and over the whole schedule."""
    costs = [schedules(patch, loaded_ratios(results.folder / file)) for patch, file in STEPS.items()]
    return grid(pd.concat(costs, axis="columns").reset_index(names="trainer"))


def schedules(patch: str, ratios: pd.DataFrame) -> pd.DataFrame:
    rows = {}
    for trainer, phases in ratios.drop(columns=STOCK, level="trainer").T.groupby("trainer"):
        costs = {phase: cost.dropna() for (_, phase), cost in phases.iterrows()}
        then = costs.get("with neighbours", costs.get("all"))
        first, share = (costs["2D phase"], SHARE_OF_2D) if "2D phase" in costs else (then, 0)
        whole = share * first.median() + (1 - share) * then.median()
        rows[f"`{trainer}`"] = ratio(first) if share else "", ratio(then), f"{whole:.2f}"
    columns = [f"{patch}: 2D phase", "with neighbours", "whole schedule"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def length_table(results: Results) -> str:
    """nnU-Net 2D by the iterations of its training; one length of BTCV30 is a run of its screening."""
    run = ["dataset", "seed", "n"]
    cases = joined(results, *(f"{part}/cases.csv" for part in ("length", "screening_530")))
    cases = cases[cases.name == "2d"].assign(n=lambda cases: cases.epochs * cases.iterations)
    dice = cases.groupby([*run, "case"]).dice.mean().groupby(run).mean()
    rows = []
    for (dataset, seed, n), value in dice.items():
        gain = f"{value - dice[dataset, seed, n // 2]:+.4f}" if (dataset, seed, n // 2) in dice else ""
        row = {"data set": DATA[dataset], "seed": seed, "iterations": n, "mean Dice": f"{value:.4f}"}
        rows.append(row | {"gain over half the iterations": gain})
    return grid(rows)


@question
def summary_table(
    results: Results, comparisons: Mapping[str, tuple[str, str, str]], primary: Sequence[str]
) -> str:
    """A row for each finished comparison of {label: (folder of cases.csv, arm, reference)}; the others by name.

    The p-values of the `primary` ones are corrected for all of them; one that is not finished counts as p = 1.
    """
    found = {label: find_scores(results, *pair) for label, pair in comparisons.items()}
    compared = {label: own.paired(comparisons[label][1]) for label, own in found.items() if own}
    adjusted = holm({label: compared[label].p if label in compared else 1.0 for label in primary})
    rows = [
        {
            "comparison": label,
            "Dice difference [95 % CI]": own.difference,
            "of each run": listed(by_run(found[label], comparisons[label][1]), "+.4f"),
            "patients": own.n,
            "p": f"{own.p:.2g}",
            "p (Holm)": f"{adjusted[label]:.2g}" if label in adjusted else None,
        }
        for label, own in compared.items()
    ]
    left = "; ".join(label for label in comparisons if label not in compared)
    return grid(rows) + (f"\n\nNot finished yet: {left}." if left else "")


@question
def errors_table(results: Results, part: str) -> str:
    """Where the errors of each run are: means over cases, those of voxels as shares of the reference's foreground."""
    if not results.has(f"{part}/error_kinds.csv"):
        return NOT_RUN
    means = mean_errors(results, part)
    rows = []
    for arm in means.dice.groupby("name").mean().sort_values(ascending=False, kind="stable").index:
        row = {"arm": arm, "Dice": listed(means.dice[arm], ".4f")}
        rows.append(
            row | {title: listed(means.loc[arm][kind], form) for kind, (title, form) in KINDS.items()}
        )
    return grid(rows)


def mean_errors(results: Results, part: str) -> pd.DataFrame:
    """Means over cases, by arm and run: `dice`, and the columns of `KINDS`."""
    kinds = with_runs(latest(results.table(f"{part}/error_kinds.csv")))
    kinds = kinds.groupby(["name", "run"])[list(KINDS)].mean()
    dice = with_runs(joined(results, f"{part}/cases.csv")).groupby(["name", "run", "case"]).dice.mean()
    return kinds.assign(dice=dice.groupby(["name", "run"]).mean())


@question
def variation(results: Results, part: str) -> dict[str, str]:
    """How far two runs of an arm are apart, and what of it is the confusion of classes."""
    means, cases = mean_errors(results, part), latest(results.table(f"{part}/error_kinds.csv"))
    apart = means.groupby("name").agg(lambda runs: runs.max() - runs.min()).max()
    often = (cases.confused > A_SLICE_OFF).groupby(cases.case).mean() > 0.5
    return {
        "dice": f"{apart.dice:.3f}",
        "foreground": f"{apart.foreground_dice:.3f}",
        "correlation": f"{means.dice.corr(means.confused):.2f}",
        "outlines": f"{means.dice.corr(means.foreground_dice):.2f}",
        "often": f"{often.sum()} of {len(often)}",
    }

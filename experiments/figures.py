"""Figures that several pages share: functions of `Results` and a file, see `Experiment.figures`.

What draws is imported late: it imports torch, and a declaration is read without.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from nnunet_slice_attention.evaluation.scores import Scores

from .declaration import Experiment
from .results import Results, latest
from .runs_table import find_scores
from .tables import scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEW = 4  # arms of a panel whose single runs can be told apart


def difference_figure(results: Results, path: Path, labels: Mapping[str, str]) -> None:
    """Differences of arms, {arm: label} in this order, to the first of them, one dot per patient."""
    from nnunet_slice_attention.report.figures import difference_figure

    difference_figure(labelled(results, results.experiment, labels)).savefig(path, dpi=150)


def labelled(results: Results, trained: Experiment, labels: Mapping[str, str]) -> Scores:
    """Scores of those arms of an experiment that have a label, {arm: label}, as models of these names and order."""
    names = {trained.model(arm): label for arm, label in labels.items()}
    cases = results.cases()
    cases = cases[cases.model.isin(names)].assign(model=lambda rows: rows.model.map(names))
    in_order = cases.sort_values(
        "model", key=lambda models: models.map([*names.values()].index), kind="stable"
    )
    return scores(in_order, next(iter(names.values())))


def forest_figure(results: Results, path: Path, rows: Mapping[str, tuple[str, str, str]]) -> None:
    """Differences over runs and patients: {label: (folder of cases.csv, arm, reference)}.

    What is not finished is left out.
    """
    from nnunet_slice_attention.report.figures import ForestRow, forest_figure

    found = {label: (find_scores(results, *pair), pair[1]) for label, pair in rows.items()}
    drawn = [ForestRow(label, scores, arm) for label, (scores, arm) in found.items() if scores]
    if drawn:
        forest_figure(drawn).savefig(path, dpi=150)


def curves_figure(results: Results, path: Path, parts: Mapping[str, str], arms: Mapping[str, str]) -> None:
    """Dice of the same validation cases over process time: a panel for each part, {folder of curves.csv: its title}.

    Args:
        arms: labels of those with a colour, {arm: label}; the first is the reference, which is black. Others are grey.
    """
    from nnunet_slice_attention.report.figure_style import COLOURS, styled

    drawn = {part: title for part, title in parts.items() if results.has(f"{part}/curves.csv")}
    reference, *others = arms
    colours = {reference: "black"} | dict(zip(others, COLOURS, strict=False))
    if points := {title: mean_curves(results, part, reference) for part, title in drawn.items()}:
        styled(_curves)(points, arms, colours).savefig(path, dpi=150)


def _curves(
    points: Mapping[str, pd.DataFrame], arms: Mapping[str, str], colours: Mapping[str, str]
) -> "Figure":
    """Thick: an arm's mean, dashed if it has one run only. Thin: its runs, where few arms leave them visible."""
    from matplotlib.figure import Figure

    from nnunet_slice_attention.report.figure_style import WIDTH

    columns = min(2, len(points))  # more would be too small to read on a page
    rows = -(-len(points) // columns)
    figure = Figure(figsize=(WIDTH, 2.9 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[len(points) :]:
        axis.remove()
    lines = {}
    for axis, (title, of_part) in zip(axes, points.items(), strict=False):
        here = of_part.index.unique("name")
        # The first is drawn last, on top.
        for arm in [*here.difference([*arms]), *(arm for arm in reversed(arms) if arm in here)]:
            colour, runs = colours.get(arm, "lightgrey"), of_part.loc[arm]
            each = [run for _, run in runs.groupby(["fold", "seed"])]
            if len(each) > 1 and len(here) <= FEW:
                for run in each:
                    axis.plot(run.time, run.dice, color=colour, linewidth=0.4, alpha=0.5)
            mean, style = runs.groupby("epoch").mean(), "-" if len(each) > 1 else "--"
            (line,) = axis.plot(mean.time, mean.dice, style, color=colour, linewidth=1.6)
            lines.setdefault(arms.get(arm, "the others"), line)
        axis.set(title=title, xlabel=f"process time, relative to {next(iter(arms.values()))}", ylabel="Dice")
        axis.set_ylim(bottom=of_part.dice.quantile(0.2))  # the steep beginning would flatten the rest
        axis.grid(alpha=0.3, linewidth=0.5)
    named = [label for label in [*arms.values(), "the others"] if label in lines]
    figure.legend([lines[label] for label in named], named, loc="outside lower center", ncols=3)
    return figure


def mean_curves(results: Results, part: str, reference: str) -> pd.DataFrame:
    """Mean Dice over cases and structures, and `time`, of runs by name, fold, seed and epoch.

    Time is relative to that of the reference's whole training on the same hardware: of the same fold and seed, or, if
    that has not run, the mean over its runs. Runs on hardware without one, or that was not recorded, are left out.
    """
    run = ["name", "fold", "seed"]
    file = f"{part}/process_time.csv"
    times = latest(results.table(file).assign(hardware=results.hardware(file)))
    times = times[times.hardware != ""]
    of_reference = times[times.name == reference]
    paired = of_reference.set_index([*run[1:], "hardware"]).cpu_s.rename("whole")
    whole = times.join(paired, on=paired.index.names).set_index(run)
    mean = whole.hardware.map(of_reference.groupby("hardware").cpu_s.mean())
    whole = whole.whole.fillna(mean).dropna()
    points = latest(results.table(f"{part}/curves.csv")).groupby([*run, "epoch"])[["cpu_s", "dice"]].mean()
    points = points.join(whole, on=run, how="inner")
    return points.assign(time=points.cpu_s / points.whole)[["time", "dice"]]

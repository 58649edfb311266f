"""Figures that several pages share: functions of `Results` and a file, see `Experiment.figures`.

What draws is imported late: it imports torch, and a declaration is read without.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from .results import Results
from .runs_table import find_scores
from .tables import scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def difference_figure(results: Results, path: Path, reference: str) -> None:
    """Every model's difference to an arm, one dot per patient."""
    from nnunet_slice_attention.report.figures import difference_figure

    found = scores(results.cases(), results.experiment.model(reference))
    difference_figure(found).savefig(path, dpi=150)


def forest_figure(results: Results, path: Path, rows: Mapping[str, tuple[str, str, str]]) -> None:
    """Differences over runs and patients: {label: (folder of cases.csv, arm, reference)}.

    What is not finished is left out.
    """
    from nnunet_slice_attention.report.figures import ForestRow, forest_figure

    found = {label: (find_scores(results, *pair), pair[1]) for label, pair in rows.items()}
    drawn = [ForestRow(label, scores, arm) for label, (scores, arm) in found.items() if scores]
    if drawn:
        forest_figure(drawn).savefig(path, dpi=150)


def curves_figure(
    results: Results, path: Path, parts: Mapping[str, str], reference: str, best: Sequence[str]
) -> None:
    """Dice of the same validation cases over process time: a panel for each part, {folder of curves.csv: its title}.

    The reference is black, the `best` arms have colours, the others are grey. Thick: an arm's mean; thin: its runs.
    Times are those of `mean_curves`.
    """
    from nnunet_slice_attention.report.figure_style import COLOURS, styled

    drawn = {part: title for part, title in parts.items() if results.has(f"{part}/curves.csv")}
    colours = dict(zip(best, COLOURS, strict=False)) | {reference: "black"}
    points = {title: mean_curves(results, part, reference) for part, title in drawn.items()}
    if points:
        styled(_curves)(points, colours, reference).savefig(path, dpi=150)


def _curves(points: Mapping[str, pd.DataFrame], colours: Mapping[str, str], reference: str) -> "Figure":
    from matplotlib.figure import Figure

    from nnunet_slice_attention.report.figure_style import WIDTH

    columns = min(2, len(points))  # more would be too small to read on a page
    rows = -(-len(points) // columns)
    figure = Figure(figsize=(WIDTH, 2.9 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[len(points) :]:
        axis.remove()
    for axis, (title, of_part) in zip(axes, points.items(), strict=False):
        for arm in sorted(of_part.index.unique("name"), key=lambda arm: arm in colours):
            colour, runs = colours.get(arm, "lightgrey"), of_part.loc[arm]
            for _, run in runs.groupby(["fold", "seed"]):
                axis.plot(run.time, run.dice, color=colour, linewidth=0.4, alpha=0.5)
            mean = runs.groupby("epoch").mean()
            label = arm if arm in colours else "the others"
            axis.plot(mean.time, mean.dice, color=colour, linewidth=1.6, label=label)
        axis.set(title=title, xlabel=f"process time, relative to {reference}'s whole training", ylabel="Dice")
        axis.set_ylim(bottom=of_part.dice.quantile(0.05))
        axis.grid(alpha=0.3, linewidth=0.5)
    lines = {line.get_label(): line for axis in figure.axes for line in axis.get_lines()}
    named = {label: line for label, line in lines.items() if not label.startswith("_")}
    figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=4)
    return figure


def mean_curves(results: Results, part: str, reference: str) -> pd.DataFrame:
    """Mean Dice over cases and structures, and `time`, of runs by name, fold, seed and epoch.

    Time is relative to that of the reference's whole training on the same hardware, the mean over its runs. Runs on
    hardware without one, or that was not recorded, are left out.
    """
    run = ["name", "fold", "seed"]
    file = f"{part}/process_time.csv"
    times = results.table(file).assign(hardware=results.hardware(file))
    times = times[times.hardware != ""]
    whole = times[times.name == reference].groupby("hardware").cpu_s.mean()
    of_reference = times.set_index(run).hardware.map(whole).dropna().rename("whole")
    points = results.table(f"{part}/curves.csv").groupby([*run, "epoch"])[["cpu_s", "dice"]].mean()
    points = points.join(of_reference, on=run, how="inner")
    return points.assign(time=points.cpu_s / points.whole)[["time", "dice"]]

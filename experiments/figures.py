"""Figures that several pages share: functions of `Results` and a file, see `Experiment.figures`.

What draws is imported late: it imports torch, and a declaration is read without.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from .results import Results
from .tables import scores


def difference_figure(results: Results, path: Path, reference: str) -> None:
    """Every model's difference to an arm, one dot per patient."""
    from nnunet_slice_attention.report.figures import difference_figure

    found = scores(results.cases(), results.experiment.model(reference))
    difference_figure(found).savefig(path, dpi=150)


def curves_figure(
    results: Results, path: Path, parts: Mapping[str, str], reference: str, best: Sequence[str]
) -> None:
    """Dice of the same validation cases over process time: a panel for each part, {folder of curves.csv: its title}.

    The reference is black, the `best` arms have colours, the others are grey. Thick: an arm's mean; thin: its runs.
    Times are those of `mean_curves`.
    """
    from matplotlib.figure import Figure

    from nnunet_slice_attention.report.figure_style import COLOURS

    drawn = {part: title for part, title in parts.items() if results.has(f"{part}/curves.csv")}
    if not drawn:
        return
    colours = dict(zip(best, COLOURS, strict=False)) | {reference: "black"}
    columns = min(2, len(drawn))  # more would be too small to read on a page
    rows = -(-len(drawn) // columns)
    figure = Figure(figsize=(6 * columns, 4.5 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[len(drawn) :]:
        axis.remove()
    for axis, (part, title) in zip(axes, drawn.items(), strict=False):
        points = mean_curves(results, part, reference)
        arms = sorted(points.index.unique("name"), key=lambda arm: arm in colours)
        unnamed = [arm for arm in arms if arm not in colours]
        labels = (
            {arm: arm for arm in arms} | dict.fromkeys(unnamed) | dict.fromkeys(unnamed[:1], "the others")
        )
        for arm in arms:
            colour, runs = colours.get(arm, "lightgrey"), points.loc[arm]
            for _, run in runs.groupby(["fold", "seed"]):
                axis.plot(run.time, run.dice, color=colour, linewidth=0.6, alpha=0.5)
            mean = runs.groupby("epoch").mean()
            axis.plot(mean.time, mean.dice, color=colour, linewidth=2, label=labels[arm])
        axis.set(title=title, xlabel=f"process time, relative to {reference}'s whole training", ylabel="Dice")
        axis.set_ylim(bottom=points.dice.quantile(0.05))
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8, loc="lower right")
    figure.savefig(path, dpi=150)


def mean_curves(results: Results, part: str, reference: str) -> pd.DataFrame:
    """Mean Dice over cases and structures, and `time`, of finished runs by name, fold, seed and epoch.

    Time is relative to that of the reference's whole training on the same hardware, the mean over its runs. Runs on
    hardware without one, or that was not recorded, are left out.
    """
    run = ["name", "fold", "seed"]
    file = f"{part}/process_time.csv"
    times = results.table(file).assign(hardware=results.hardware(file))
    times = times[(times.epochs_done == times.epochs) & (times.hardware != "")]
    whole = times[times.name == reference].groupby("hardware").cpu_s.mean()
    of_reference = times.set_index(run).hardware.map(whole).dropna().rename("whole")
    points = results.table(f"{part}/curves.csv").groupby([*run, "epoch"])[["cpu_s", "dice"]].mean()
    points = points.join(of_reference, on=run, how="inner")
    return points.assign(time=points.cpu_s / points.whole)[["time", "dice"]]

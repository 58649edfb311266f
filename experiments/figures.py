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
    """
    from matplotlib.figure import Figure

    from nnunet_slice_attention.report.figures import COLOURS

    drawn = {part: title for part, title in parts.items() if results.has(f"{part}/curves.csv")}
    if not drawn:
        return
    colours = dict(zip(best, COLOURS, strict=False)) | {reference: "black"}
    figure = Figure(figsize=(6 * len(drawn), 4.5), layout="constrained")
    for axis, (part, title) in zip(
        figure.subplots(1, len(drawn), squeeze=False)[0], drawn.items(), strict=True
    ):
        points = mean_curves(results.table(f"{part}/curves.csv"))
        arms = sorted(points.index.unique("name"), key=lambda arm: arm in colours)
        unnamed = [arm for arm in arms if arm not in colours]
        labels = (
            {arm: arm for arm in arms} | dict.fromkeys(unnamed) | dict.fromkeys(unnamed[:1], "the others")
        )
        for arm in arms:
            colour, runs = colours.get(arm, "lightgrey"), points.loc[arm]
            for _, run in runs.groupby(["fold", "seed"]):
                axis.plot(run.cpu_s / 60, run.dice, color=colour, linewidth=0.6, alpha=0.5)
            by_epoch = runs.groupby("epoch")
            got_so_far = by_epoch.dice.count()
            mean = by_epoch.mean()[got_so_far == got_so_far.max()]
            axis.plot(mean.cpu_s / 60, mean.dice, color=colour, linewidth=2, label=labels[arm])
        axis.set(title=title, xlabel="process time of training [min]", ylabel="Dice")
        axis.set_ylim(bottom=points.dice.quantile(0.05))
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8, loc="lower right")
    figure.savefig(path, dpi=150)


def mean_curves(curves: pd.DataFrame) -> pd.DataFrame:
    """Process time and mean Dice over cases and structures, by name, fold, seed and epoch."""
    return curves.groupby(["name", "fold", "seed", "epoch"])[["cpu_s", "dice"]].mean()

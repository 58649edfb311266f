"""Do time and memory of prediction grow with the depth as they should? See `run.py`. Data as for ../acdc40."""

from pathlib import Path

import pandas as pd

from experiments.declaration import Experiment, Measure
from experiments.results import Results, question
from experiments.tables import grid

FILE = "depths.csv"
# Distinguishable with any colour vision.
STYLES = (("o", "#0072B2"), ("s", "#D55E00"), ("^", "#009E73"), ("D", "#CC79A7"))
TITLES = {"seconds": "prediction [s]", "memory": "peak memory beyond the result [MB]"}


def measured(results: Results) -> pd.DataFrame:
    rows = results.table(FILE)
    return rows.assign(memory=rows.peak_mb - rows.result_mb, per_slice=1000 * rows.seconds / rows.depth)


def spread(values: pd.Series) -> str:
    return f"{values.median():.0f} [{values.min():.0f}, {values.max():.0f}]"


@question
def table(results: Results, column: str) -> str:
    """Median over the repeats, in brackets the smallest and the largest."""
    cells = measured(results).groupby(["trainer", "depth"])[column].agg(spread).unstack()
    return grid(cells.rename(columns="{} slices".format).reset_index())


def figure(results: Results, path: Path) -> None:
    from matplotlib.figure import Figure

    rows, drawn = measured(results), Figure(figsize=(10, 4), layout="constrained")
    for axis, (column, title) in zip(drawn.subplots(1, 2), TITLES.items(), strict=True):
        for (trainer, own), (marker, colour) in zip(rows.groupby("trainer", sort=False), STYLES, strict=True):
            axis.plot(own.depth, own[column], marker, color=colour, alpha=0.5, label=trainer)
            axis.plot(own.groupby("depth")[column].median(), color=colour, lw=1)
        axis.set(xlabel="slices of the volume", ylabel=title)
        axis.set_xlim(left=0)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    drawn.savefig(path, dpi=120)


EXPERIMENT = Experiment(
    measure=[Measure({FILE: None}, "python run.py --dataset 27 --device {device}")],
    questions={
        "time": table("per_slice"),
        "memory": table("memory"),
        "repeats": lambda results: results.table(FILE)["repeat"].nunique(),
    },
    figures={"depths.png": figure},
)

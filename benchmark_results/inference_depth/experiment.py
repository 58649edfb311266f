"""Do time and memory of prediction grow with the depth as they should? See `run.py`. Data as for ../acdc40."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from experiments.declaration import Experiment, Measure
from experiments.results import Results, question
from experiments.tables import grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FILE = "depths.csv"
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
    from nnunet_slice_attention.report.figure_style import styled

    styled(_figure)(measured(results)).savefig(path, dpi=150)


def _figure(rows: pd.DataFrame) -> "Figure":
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from nnunet_slice_attention.report.figure_style import WIDTH, model_styles

    drawn = Figure(figsize=(WIDTH, 3), layout="constrained")
    # The colours of ../spacing_shift, which has nnU-Net's networks too.
    styles = model_styles(["2d", "3d_fullres", *rows.trainer.unique()], "2d")
    for axis, (column, title) in zip(drawn.subplots(1, 2), TITLES.items(), strict=True):
        for trainer, own in rows.groupby("trainer", sort=False):
            axis.plot(
                own.depth, own[column], alpha=0.6, linestyle="none", markeredgewidth=0, **styles[trainer]
            )
            axis.plot(own.groupby("depth")[column].median(), **styles[trainer] | {"marker": ""})
        axis.set(ylabel=title, xlim=(0, None), ylim=(0, None))
        axis.grid(alpha=0.3, linewidth=0.5)
    lines = [Line2D([], [], label=trainer, **styles[trainer]) for trainer in rows.trainer.unique()]
    drawn.supxlabel("slices of the volume (a marker for each process, a line for their median)")
    drawn.legend(handles=lines, loc="outside upper center", ncols=len(lines))
    return drawn


EXPERIMENT = Experiment(
    measure=[Measure({FILE: None}, "python run.py --dataset 27 --device {device}")],
    questions={
        "time": table("per_slice"),
        "memory": table("memory"),
        "repeats": lambda results: results.table(FILE)["repeat"].nunique(),
    },
    figures={"depths.png": figure},
)

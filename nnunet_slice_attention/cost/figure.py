"""The figure of a cost table: one row per model, one panel per quantity, one point per repeat."""

import math

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from ..model_name import short_names
from ..report.figure_style import BLUE, VERMILION, WIDTH, in_lines, styled
from .table import Repeats

STYLES = ({"marker": "o", "color": BLUE}, {"marker": "s", "color": VERMILION})
ROOM = 1.7  # on both sides, a factor: so wide that there are two ticks

PANELS = {
    "multiply-adds\n[GMAC per slice]": {"forward": lambda c: c.gmac_per_slice},
    "training step\n[ms per slice]": {
        "without data loading": lambda c: 1000 * c.step_s / c.slices_per_step,
        "with data loading": lambda c: 1000 * c.loaded_step_s / c.slices_per_step,
    },
    "prediction\n[ms per slice]": {
        "without mirroring": lambda c: c.predict_s and 1000 * c.predict_s / c.predicted_slices,
        "with mirroring": lambda c: c.predict_tta_s and 1000 * c.predict_tta_s / c.predicted_slices,
    },
}


@styled
def cost_figure(costs: dict[str, Repeats]) -> Figure:
    """A figure of `costs` (repeats per model); the row of an unmeasured quantity is empty.

    Axes are logarithmic, so that equal ratios are equally far apart and a slow repeat does not hide the others.
    """
    names = [in_lines(name) for name in short_names(list(costs)).values()]
    lines = sum(name.count("\n") + 1 for name in names)
    figure = Figure(figsize=(WIDTH, 1.3 + 0.1 * len(names) + 0.11 * lines), layout="constrained")
    axes = figure.subplots(1, len(PANELS), sharey=True)
    for axis, (title, quantities) in zip(axes, PANELS.items(), strict=True):
        for (label, quantity), style in zip(quantities.items(), STYLES, strict=False):
            points = [
                (quantity(cost), row)
                for row, repeats in enumerate(costs.values())
                for cost in repeats.values()
            ]
            points = [point for point in points if point[0] is not None]
            axis.plot(
                *zip(*points, strict=True) if points else ((), ()),
                linestyle="none",
                alpha=0.7,
                label=label,
                **style,
            )
        axis.set_xscale("log")
        low, high = axis.dataLim.intervalx
        if low < high < math.inf:
            axis.set_xlim(low / ROOM, high * ROOM)
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 20 * low else (1, 3)))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_locator(NullLocator())
        axis.set_xlabel(title)
        axis.grid(alpha=0.3, linewidth=0.5)
        if len(quantities) > 1:
            axis.legend(
                loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, borderpad=0, handletextpad=0.2
            )
    axes[0].set_yticks(range(len(names)), names)
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    figure.supxlabel("a marker for each process")
    return figure

"""The figure of a cost table: one row per model, one panel per quantity, one point per repeat."""

from matplotlib.figure import Figure

from .table import Repeats

# Colour-blind safe.
STYLES = (
    {"linestyle": "none", "marker": "o", "color": "#0072B2"},
    {"linestyle": "none", "marker": "s", "color": "#D55E00"},
)

PANELS = {
    "multiply-adds [GMAC per slice]": {"forward": lambda c: c.gmac_per_slice},
    "training step [ms per slice]": {
        "without data loading": lambda c: 1000 * c.step_s / c.slices_per_step,
        "with data loading": lambda c: 1000 * c.loaded_step_s / c.slices_per_step,
    },
    "prediction [ms per slice]": {
        "without mirroring": lambda c: c.predict_s and 1000 * c.predict_s / c.predicted_slices,
        "with mirroring": lambda c: c.predict_tta_s and 1000 * c.predict_tta_s / c.predicted_slices,
    },
}


def cost_figure(costs: dict[str, Repeats]) -> Figure:
    """A figure of `costs` (repeats per model); the row of an unmeasured quantity is empty.

    Axes start at zero and all repeats are drawn, so that ratios and spread are visible.
    """
    figure = Figure(figsize=(12, 1.9 + 0.38 * len(costs)), layout="constrained")
    axes = figure.subplots(1, len(PANELS), sharey=True)
    for axis, (title, quantities) in zip(axes, PANELS.items(), strict=True):
        for (label, quantity), style in zip(quantities.items(), STYLES, strict=False):
            points = [
                (quantity(cost), row)
                for row, repeats in enumerate(costs.values())
                for cost in repeats.values()
            ]
            points = [point for point in points if point[0] is not None]
            axis.plot([x for x, _ in points], [row for _, row in points], alpha=0.6, label=label, **style)
        axis.set_xlim(left=0)
        axis.set_xlabel(title)
        axis.grid(axis="x", alpha=0.3)
        if len(quantities) > 1:
            axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=8, frameon=False)
    axes[0].set_yticks(range(len(costs)), [name.replace("__", "\n", 1) for name in costs], fontsize=8)
    axes[0].set_ylim(len(costs) - 0.5, -0.5)
    return figure

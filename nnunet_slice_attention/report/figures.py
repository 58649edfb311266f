"""The figures of a comparison, one per question, in a palette for colour-blind readers (Okabe and Ito)."""

from collections.abc import Iterable, Mapping

import numpy as np
from matplotlib.figure import Figure

from ..evaluation.scores import Scores
from ..evaluation.slice_profile import PARTS

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "osD^vP*"


def difference_figure(scores: Scores) -> Figure:
    """Each model's difference to the baseline: mean with interval, one dot per patient, one tick per run if several."""
    others = scores.others
    figure = Figure(figsize=(9, 1.3 + 0.55 * len(others)), layout="constrained")
    axis = figure.subplots()
    for row, model in enumerate(others):
        compared = scores.paired(model)
        difference = compared.difference
        dots = list(scores.deltas(model).values())
        axis.plot(dots, np.full(len(dots), row), "o", color="grey", alpha=0.4, markersize=4)
        if scores.runs:
            ticks = list(compared.by_run.values())
            axis.plot(ticks, np.full(len(ticks), row), "|", color=COLOURS[1], markersize=14)
        axis.plot([difference.low, difference.high], [row, row], color=COLOURS[0], linewidth=3)
        axis.plot(difference.mean, row, "D", color=COLOURS[0])
    axis.axvline(0, color="black", linewidth=1)
    axis.set_yticks(range(len(others)), others, fontsize=8)
    axis.set_ylim(len(others) - 0.5, -0.5)
    key = "mean and 95 % CI over runs and patients, one dot per patient, one tick per run"
    key = key if scores.runs else "mean and 95 % CI, one dot per patient"
    figure.supxlabel(f"Dice difference to {scores.baseline}; {key}", fontsize=9)
    axis.grid(axis="x", alpha=0.3)
    return figure


def scatter_figure(scores: Scores) -> Figure:
    """Each patient's Dice of a model against the baseline's; above the diagonal the model is better."""
    others = scores.others
    columns = min(4, len(others))
    rows = -(-len(others) // columns)
    figure = Figure(figsize=(max(4, 3.1 * columns), 3.4 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for axis, model in zip(axes, others, strict=False):
        ours, theirs = scores.paired_values(model)
        x, y = [theirs[p] for p in ours], list(ours.values())
        low = max(0, min([*x, *y, 1]) - 0.02)
        axis.axline((low, low), slope=1, color="black", linewidth=0.8)
        axis.plot(x, y, "o", color=COLOURS[0], alpha=0.7)
        axis.set_title(_on_two_lines(model), fontsize=8)
        axis.set_aspect("equal")
        axis.grid(alpha=0.3)
    for axis in axes[len(others) :]:
        axis.set_visible(False)
    figure.supxlabel(f"Dice of {scores.baseline}", fontsize=9)
    figure.supylabel("Dice of the model", fontsize=9)
    return figure


def distribution_figure(scores: Scores) -> Figure:
    """Dice of every patient by structure and model, on box plots."""
    structures, models = scores.structures, scores.models
    figure = Figure(figsize=(9, 1.1 + 0.28 * len(models) * len(structures)), layout="constrained")
    axes = figure.subplots(len(structures), 1, squeeze=False, sharex=True).ravel()
    for axis, structure in zip(axes, structures, strict=True):
        for row, model in enumerate(models):
            values = list(scores.values(model, structure).values())
            colour = COLOURS[row % len(COLOURS)]
            axis.boxplot(
                values,
                positions=[row],
                orientation="horizontal",
                widths=0.6,
                showfliers=False,
                medianprops={"color": "black"},
            )
            axis.plot(values, np.full(len(values), row), "o", color=colour, alpha=0.6, markersize=4)
        axis.set_yticks(range(len(models)), models, fontsize=7)
        axis.set_ylim(len(models) - 0.5, -0.5)
        axis.set_title(structure, fontsize=9, loc="left")
        axis.grid(axis="x", alpha=0.3)
    axes[-1].set_xlabel("Dice, one dot per patient")
    return figure


def position_figure(scores: Scores) -> Figure:
    """Mean Dice along the slices of the structures in the ground truth."""
    lines = {
        model: {part: scores.values(model, metric=f"dice_{part}").values() for part in PARTS}
        for model in scores.models
    }
    return _line_figure(lines, "fifth of the structure along the slices")


def spacing_figure(scores: Scores, groups: Mapping[str, Scores]) -> Figure:
    """Mean Dice against slice spacing; `groups` as returned by `group_by_spacing`."""
    lines = {
        model: {name: group.values(model, scores.overall).values() for name, group in groups.items()}
        for model in scores.models
    }
    return _line_figure(lines, "slice spacing")


def _line_figure(lines: Mapping[str, Mapping[str, Iterable[float]]], label: str) -> Figure:
    """One line per model through the mean values at each position."""
    figure = Figure(figsize=(7, 3.4), layout="constrained")
    axis = figure.subplots()
    for i, (model, positions) in enumerate(lines.items()):
        means = [np.mean(list(values)) if values else np.nan for values in positions.values()]
        axis.plot(list(positions), means, label=model, **_style(i))
    axis.set_xlabel(label)
    axis.set_ylabel("Dice, mean over patients")
    axis.grid(alpha=0.3)
    axis.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure


def accuracy_cost_figure(scores: Scores, cost: Mapping[str, float], label: str) -> Figure:
    """Mean Dice against cost, one point per model with a known cost; up and left is better.

    Args:
        cost: by model.
        label: of the cost axis, e.g. "training step [ms per slice]".
    """
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axis = figure.subplots()
    for i, model in enumerate(scores.models):
        if model not in cost:
            continue
        values = list(scores.values(model).values())
        axis.plot(cost[model], np.mean(values), linestyle="none", label=model, **_style(i))
    axis.set_xlim(left=0)
    axis.set_xlabel(label)
    axis.set_ylabel("Dice, mean over patients")
    axis.grid(alpha=0.3)
    axis.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure


def _style(i: int) -> dict[str, str]:
    """Of the i-th model; markers shift after every seven colours, so that 49 models look different."""
    n = len(COLOURS)
    return {"color": COLOURS[i % n], "marker": MARKERS[(i + i // n) % n]}


def _on_two_lines(model: str) -> str:
    return model.replace("__", "\n", 1)

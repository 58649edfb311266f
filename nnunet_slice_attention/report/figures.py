"""Figures of a comparison over patients: differences to the baseline, and Dice itself."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..evaluation.scores import Scores
from .figure_style import BLUE, SMALL, VERMILION, WIDTH, count, in_lines, model_styles, spread_out, styled
from .tables import minus_signs

MEAN, RUN, PATIENT = -0.25, 0.0, 0.25  # where in a model's row they are drawn
RIGHT = 1.02  # of the axes, where numbers begin


class ForestRow(NamedTuple):
    """A model against the baseline of its scores."""

    label: str
    scores: Scores
    model: str


@styled
def difference_figure(scores: Scores) -> Figure:
    """Each model's difference to the baseline: mean with interval, runs if several, and patients."""
    rows = [ForestRow(model, scores, model) for model in scores.others]
    return _forest(rows, f"← worse    Dice difference to {scores.baseline}    better →")


@styled
def forest_figure(rows: Sequence[ForestRow]) -> Figure:
    """Dice differences of several comparisons, mean with interval and runs; not the patients, who spread wider."""
    return _forest(rows, "← worse    Dice difference    better →", patients=False)


def _forest(rows: Sequence[ForestRow], label: str, patients: bool = True) -> Figure:
    """A row each, with its numbers beside it."""
    figure = Figure(figsize=(WIDTH, 1.0 + (0.46 if patients else 0.38) * len(rows)), layout="constrained")
    axis = figure.subplots()
    axis.axvline(0, color="black", linewidth=0.8)
    for place, (_, scores, model) in enumerate(rows):
        compared = scores.paired(model)
        difference = compared.difference
        axis.plot([difference.low, difference.high], [place + MEAN] * 2, color=BLUE, linewidth=2)
        axis.plot(difference.mean, place + MEAN, "D", color=BLUE, markersize=5)
        if scores.runs:
            ticks = list(compared.by_run.values())
            axis.plot(ticks, np.full(len(ticks), place + RUN), "|", color=VERMILION, markersize=6)
        if patients:
            deltas = np.array(list(scores.deltas(model).values()))
            places = place + PATIENT + spread_out(deltas, 0.16)
            axis.plot(deltas, places, "o", color="grey", alpha=0.8, markersize=3, markeredgewidth=0)
        _beside(axis, place, minus_signs(f"{difference}\nn = {compared.n}"))
    axis.set_yticks(range(len(rows)), [in_lines(row.label) for row in rows])
    axis.set_ylim(len(rows) - 0.5, -0.5)
    for edge in range(1, len(rows)):
        axis.axhline(edge - 0.5, color="grey", alpha=0.3, linewidth=0.5)
    axis.set_xlabel(label)
    axis.locator_params(axis="x", nbins=7, steps=[1, 2, 5, 10])
    axis.grid(axis="x", alpha=0.3, linewidth=0.5)
    _difference_key(figure, any(row.scores.runs for row in rows), patients)
    return figure


def _beside(axis: Axes, row: int, text: str) -> None:
    axis.text(RIGHT, row, text, transform=axis.get_yaxis_transform(), va="center", fontsize=SMALL)


def _difference_key(figure: Figure, runs: bool, patients: bool) -> None:
    over = "runs and patients" if runs else "patients"
    key = [Line2D([], [], color=BLUE, linewidth=2, marker="D", label=f"mean and 95 % CI over {over}")]
    if runs:
        key.append(Line2D([], [], color=VERMILION, linestyle="none", marker="|", markersize=6, label="a run"))
    if patients:
        key.append(
            Line2D([], [], color="grey", linestyle="none", marker="o", markersize=3, label="a patient")
        )
    figure.legend(handles=key, loc="outside lower center", ncols=len(key))


@styled
def scatter_figure(scores: Scores) -> Figure:
    """Each patient's Dice of a model against the baseline's; above the diagonal the model is better."""
    others = scores.others
    columns = min(4, len(others))
    rows = -(-len(others) // columns)
    width = WIDTH if columns > 2 else 3.2 * columns
    figure = Figure(figsize=(width, (width / columns + 0.35) * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    pairs = {model: scores.paired_values(model) for model in others}
    values = [value for pair in pairs.values() for by_patient in pair for value in by_patient.values()]
    limits, styles = _limits(values), model_styles(scores.models, scores.baseline)
    for axis, (model, (ours, theirs)) in zip(axes, pairs.items(), strict=False):
        x, y = (np.array([by_patient[p] for p in ours]) for by_patient in (theirs, ours))
        axis.plot(limits, limits, color="black", linewidth=0.6)
        axis.plot(x, y, "o", color=styles[model]["color"], alpha=0.8, markeredgewidth=0)
        axis.set_title(f"{in_lines(model)}\nhigher in {(y > x).sum()} of {len(x)} patients", fontsize=SMALL)
        axis.set(xlim=limits, ylim=limits, aspect="equal")
        axis.locator_params(nbins=5)
        axis.grid(alpha=0.3, linewidth=0.5)
    for axis in axes[len(others) :]:
        axis.set_visible(False)
    figure.supxlabel(f"Dice of {scores.baseline}")
    figure.supylabel("Dice of the model")
    return figure


def _limits(values: list[float]) -> tuple[float, float]:
    """Around all values, with room for their markers."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    margin = 0.05 * (high - low) or 0.02
    return low - margin, high + margin


@styled
def distribution_figure(scores: Scores) -> Figure:
    """Dice of every patient by structure and model, on box plots."""
    structures, models = scores.structures, scores.models
    styles = model_styles(models, scores.baseline)
    lines = sum(in_lines(model).count("\n") + 1 for model in models)
    height = 0.6 + (0.35 + 0.1 * len(models) + 0.11 * lines) * len(structures)
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots(len(structures), 1, squeeze=False, sharex=True).ravel()
    black, thin = {"color": "black", "linewidth": 1.5}, {"color": "grey", "linewidth": 0.7}
    for axis, structure in zip(axes, structures, strict=True):
        numbers = []
        for row, model in enumerate(models):
            values = np.array(list(scores.values(model, structure).values()))
            numbers.append(len(values))
            axis.boxplot(
                values, positions=[row], orientation="horizontal", widths=0.7, showfliers=False,
                medianprops=black, boxprops=thin, whiskerprops=thin, capprops=thin,
            )  # fmt: skip
            axis.plot(
                values, row + spread_out(values, 0.36), "o",
                color=styles[model]["color"], alpha=0.8, markersize=3.5, markeredgewidth=0,
            )  # fmt: skip
        axis.set_yticks(range(len(models)), map(in_lines, models))
        axis.set_ylim(len(models) - 0.5, -0.5)
        axis.set_title(f"{structure}, {count(numbers)} patients", loc="left")
        axis.grid(axis="x", alpha=0.3, linewidth=0.5)
    axes[-1].set_xlabel("Dice: a dot for each patient; box: median and quartiles")
    return figure

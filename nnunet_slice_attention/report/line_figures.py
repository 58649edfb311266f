"""Figures of means: along the slices, against slice spacing, and against cost."""

from collections.abc import Iterable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..evaluation.patient_statistics import PairedDifference
from ..evaluation.scores import Scores
from ..evaluation.slice_profile import PARTS
from .figure_style import WIDTH, count, in_lines, model_styles, styled

Levels = Mapping[str, Iterable[float]]  # values of patients, by place on the horizontal axis
ROOM = 0.6  # between two places, that the intervals of all models share


@styled
def position_figure(scores: Scores) -> Figure:
    """Dice along the slices of the structures in the ground truth."""
    metrics = {part: f"dice_{part}" for part in PARTS}
    levels = {
        model: {part: scores.values(model, metric=name).values() for part, name in metrics.items()}
        for model in scores.models
    }
    differences = {
        model: [scores.difference(model, metric=name) for name in metrics.values()] for model in scores.others
    }
    return _two_panels(levels, differences, scores.baseline, "fifth of the structure along the slices")


@styled
def spacing_figure(scores: Scores, groups: Mapping[str, Scores]) -> Figure:
    """Dice against slice spacing; `groups` as returned by `group_by_spacing`."""
    values = {
        model: {name: group.values(model, scores.overall).values() for name, group in groups.items()}
        for model in scores.models
    }
    patients = {name: count([len(of_model[name]) for of_model in values.values()]) for name in groups}
    same = len(set(patients.values())) == 1
    places = {name: name if same else f"{name}\n({n})" for name, n in patients.items()}
    levels = {
        model: {places[name]: found for name, found in of_model.items()} for model, of_model in values.items()
    }
    differences = {
        model: [group.difference(model, scores.overall) for group in groups.values()]
        for model in scores.others
    }
    each = f"{next(iter(patients.values()))} patients" if same else "n: patients"
    return _two_panels(levels, differences, scores.baseline, f"slice spacing ({each})")


def _two_panels(
    levels: Mapping[str, Levels],
    differences: Mapping[str, list[PairedDifference]],
    baseline: str,
    label: str,
) -> Figure:
    """Means of every model, and differences to the baseline with intervals, if there is another model."""
    panels = 2 if differences else 1
    figure = Figure(figsize=(WIDTH, 2.8), layout="constrained")
    axes = figure.subplots(1, panels, squeeze=False)[0]
    styles = model_styles(levels, baseline)
    for model, by_place in levels.items():
        means = [np.mean(found) if (found := list(values)) else np.nan for values in by_place.values()]
        axes[0].plot(list(by_place), means, label=in_lines(model), **styles[model])
    axes[0].set_ylabel("Dice, mean over patients")
    for i, (model, found) in enumerate(differences.items()):
        shift = ROOM * ((i + 0.5) / len(differences) - 0.5)
        _with_intervals(axes[1], np.arange(len(found)) + shift, found, styles[model])
    if differences:
        places = list(next(iter(levels.values())))
        axes[1].set_xticks(range(len(places)), places)
        axes[1].axhline(0, color=styles[baseline]["color"], linewidth=0.8)
        axes[1].set_ylabel(f"difference to\n{in_lines(baseline)}")
    for axis in axes:
        axis.grid(axis="y", alpha=0.3, linewidth=0.5)
    figure.supxlabel(label)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center")
    return figure


def _with_intervals(
    axis: Axes, places: np.ndarray, found: list[PairedDifference], style: Mapping[str, str]
) -> None:
    mean, low, high = np.array(found, float).T
    axis.plot(places, mean, linestyle="none", **style)
    axis.vlines(places, low, high, color=style["color"], linewidth=1.2)


@styled
def accuracy_cost_figure(scores: Scores, cost: Mapping[str, float], label: str) -> Figure:
    """Mean Dice against cost, one point per model with a known cost; up and left is better.

    Args:
        cost: by model.
        label: of the cost axis, e.g. "training step [ms]".
    """
    figure = Figure(figsize=(0.75 * WIDTH, 2.8), layout="constrained")
    axis = figure.subplots()
    for model, style in model_styles(scores.models, scores.baseline).items():
        if model not in cost:
            continue
        values = list(scores.values(model).values())
        axis.plot(cost[model], np.mean(values), linestyle="none", label=in_lines(model), **style)
    axis.set_xlim(left=0)
    axis.set_xlabel(label)
    axis.set_ylabel("Dice, mean over patients")
    axis.grid(alpha=0.3, linewidth=0.5)
    figure.legend(loc="outside right center")
    return figure

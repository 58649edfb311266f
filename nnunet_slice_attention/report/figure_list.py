"""Which figures a report has, in their order, and what is written below each."""

from collections.abc import Mapping
from dataclasses import dataclass

from matplotlib.figure import Figure

from ..evaluation.scores import Scores
from . import figures, line_figures
from .differences import OVER_ONE_RUN, OVER_RUNS


@dataclass(frozen=True)
class Captioned:
    """The caption says what is drawn: values, intervals and the statistical unit."""

    figure: Figure
    caption: str


def build_figures(
    scores: Scores, groups: Mapping[str, Scores], cost: Mapping[str, float]
) -> dict[str, Captioned]:
    """Figures by heading, the answer first.

    Args:
        groups: as returned by `group_by_spacing`.
        cost: milliseconds per slice of a training step, by short name.
    """
    structure, baseline = scores.overall, scores.baseline
    over = f"Intervals are {OVER_RUNS if scores.runs else OVER_ONE_RUN}."
    paired = (
        f" Right: paired differences to {baseline}, mean and 95 % interval. {over}" if scores.others else ""
    )
    left = "Left: mean" if scores.others else "Mean"
    drawn = {}
    if scores.others:
        each = "patient and of each run" if scores.runs else "patient"
        drawn["How large are the differences?"] = Captioned(
            figures.difference_figure(scores),
            f"Dice ({structure}) of each model minus that of {baseline}: mean and 95 % interval, and the difference of "
            f"each {each}. n: patients. {over}",
        )
        drawn["Patient by patient"] = Captioned(
            figures.scatter_figure(scores),
            f"Dice ({structure}) of each patient. Above the line the model is better than {baseline}.",
        )
    drawn["Spread"] = Captioned(
        figures.distribution_figure(scores),
        "Dice of each patient by structure. Box: median and quartiles; whiskers reach to the farthest value within "
        "1.5 interquartile ranges of the box.",
    )
    drawn["From the first to the last slice"] = Captioned(
        line_figures.position_figure(scores),
        f"{left} Dice ({structure}) in fifths of each structure along its slices in the ground truth.{paired}",
    )
    if groups:
        drawn["From thin to thick slices"] = Captioned(
            line_figures.spacing_figure(scores, groups),
            f"{left} Dice ({structure}) by slice spacing.{paired}",
        )
    if cost:
        drawn["Accuracy against cost"] = Captioned(
            line_figures.accuracy_cost_figure(scores, cost, "training step [ms]"),
            f"Mean Dice ({structure}) over patients against the time of a training step, its mean over the schedule. "
            "Up and left is better.",
        )
    return drawn

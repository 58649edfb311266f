"""Example cases: image with contours of ground truth, baseline and model on three neighbouring slices."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..evaluation.boxes import bounding_box
from .figure_style import SMALL, WIDTH, styled
from .shown_case import ShownCase
from .tables import minus_signs

LINES = ((("#FFFFFF", "ground truth"), "-"), (("#E69F00", "baseline"), "--"), (("#56B4E9", "model"), "-"))
MARGIN = 12  # voxels around the structures


@dataclass(frozen=True)
class Example:
    """One case: image and label maps (S, H, W), spacing of H and W in mm."""

    title: str
    image: np.ndarray
    truth: np.ndarray
    baseline: np.ndarray
    model: np.ndarray
    spacing: tuple[float, float]


def overlay_examples(cases: Sequence[ShownCase], baseline: str) -> Iterator[tuple[str, list[Example]]]:
    """Each model with the cases that are its extremes, the highest difference first."""
    for model in dict.fromkeys(model for shown in cases for model in shown.extremes):
        extremes = [shown for shown in cases if model in shown.extremes]
        extremes.sort(key=lambda shown: -shown.extremes[model][1])
        yield model, [_example(shown, baseline, model) for shown in extremes]


def _example(shown: ShownCase, baseline: str, model: str) -> Example:
    kind, delta = shown.extremes[model]
    title = f"{kind}{f', {shown.run}' if shown.run else ''}\n{shown.case}\n{delta:+.3f} Dice"
    volumes = shown.read((baseline, model))
    predictions = volumes.predictions[baseline], volumes.predictions[model]
    return Example(title, volumes.image, volumes.truth, *predictions, volumes.spacing[1:])


@styled
def overlay_figure(examples: Sequence[Example]) -> Figure:
    """One row per example: the slice on which the two predictions differ most, and its neighbours."""
    figure = Figure(figsize=(WIDTH, 2.6 * len(examples) + 0.3), layout="constrained")
    rows = figure.subplots(len(examples), 3, squeeze=False)
    for example, axes in zip(examples, rows, strict=True):
        window = _window(example)
        grey = np.percentile(example.image[(slice(None), *window)], (1, 99))
        for axis, index in zip(axes, _three_slices(example), strict=True):
            axis.set_xticks([])
            axis.set_yticks([])
            if not 0 <= index < len(example.image):
                axis.set_visible(False)
                continue
            axis.set_title(f"slice {index + 1} of {len(example.image)}", fontsize=SMALL)
            aspect = example.spacing[0] / example.spacing[1]
            axis.imshow(
                example.image[(index, *window)], cmap="gray", vmin=grey[0], vmax=grey[1], aspect=aspect
            )
            segmentations = (example.truth, example.baseline, example.model)
            for labels, ((colour, _), style) in zip(segmentations, LINES, strict=True):
                _contours(axis, labels[(index, *window)], colour, style)
        axes[0].set_ylabel(minus_signs(example.title), fontsize=SMALL)
    lines = [Line2D([], [], color=c, linestyle=style, label=name) for (c, name), style in LINES]
    key = figure.legend(handles=lines, loc="outside lower center", ncols=3, frameon=True, labelcolor="white")
    key.get_frame().set(facecolor="#222222", alpha=1, linewidth=0)  # white lines are seen on dark only
    return figure


def _contours(axis, labels: np.ndarray, colour: str, style: str) -> None:
    if min(labels.shape) < 2:
        return  # contours need two dimensions
    for label in np.unique(labels[labels > 0]):
        axis.contour(labels == label, levels=[0.5], colors=[colour], linestyles=[style], linewidths=1.2)


def _three_slices(example: Example) -> range:
    centre = int(np.argmax((example.model != example.baseline).sum(axis=(1, 2))))
    centre = min(max(centre, 1), max(len(example.image) - 2, 1))  # a border slice has only one neighbour
    return range(centre - 1, centre + 2)


def _window(example: Example) -> tuple[slice, slice]:
    """In-plane bounding box of all labels of the three segmentations, plus `MARGIN`."""
    labelled = ((example.truth > 0) | (example.baseline > 0) | (example.model > 0)).any(axis=0)
    return bounding_box(labelled, (MARGIN, MARGIN))

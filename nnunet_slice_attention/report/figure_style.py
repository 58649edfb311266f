"""What all figures of a comparison share: size, type, colours and markers.

Figures are drawn at the size at which they are printed, at most two columns of a journal, with type of 7 and 8 points:
they need not be scaled. The baseline is black; the other models have the colours of Okabe and Ito, for colour-blind
readers, and a violet that differs from all of them. `templates/viewer.js` gives outlines the same order of hues.
"""

import re
from collections.abc import Callable, Iterable
from functools import wraps

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

WIDTH = 7.2  # inches: 183 mm, two columns
SMALL = 7  # points
BLUE, GREEN, VERMILION = "#0072B2", "#009E73", "#D55E00"
COLOURS = (BLUE, GREEN, VERMILION, "#CC79A7", "#E69F00", "#56B4E9", "#7830E0")
BASELINE = {"color": "black", "marker": "o"}
MARKERS = "sD^vP*X"
NAME = 30  # characters of a model's name in one line
STYLE = {
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "figure.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
}


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw in `STYLE`; ticks are made when the figure is saved, and are told their size here.

    Then lay it out: Matplotlib finds the final places of panels with a fixed aspect only when it draws a second time.
    """

    @wraps(draw)
    def drawn(*args, **kwargs) -> Figure:
        with rc_context(STYLE):
            figure = draw(*args, **kwargs)
        for axis in figure.axes:
            axis.tick_params(labelsize=SMALL, width=0.6, length=3)
        figure.draw_without_rendering()
        return figure

    return drawn


def model_styles(models: Iterable[str], baseline: str) -> dict[str, dict[str, str]]:
    """Colour and marker of each model, the same in all figures of a report."""
    others = [model for model in models if model != baseline]
    return {baseline: BASELINE} | {model: _style(i) for i, model in enumerate(others)}


def _style(i: int) -> dict[str, str]:
    """Markers shift after every seven colours, so that 49 models look different."""
    n = len(COLOURS)
    return {"color": COLOURS[i % n], "marker": MARKERS[(i + i // n) % n]}


def in_lines(name: str) -> str:
    """A model's name in as few lines of about `NAME` characters as it takes, broken after "_", "+" or a space.

    The lines are about equally long, so that none holds only what is left.
    """
    fewest = _lines(name, NAME)
    equal = (lines for width in range(1, NAME) if len(lines := _lines(name, width)) == len(fewest))
    return "\n".join(next(equal, fewest))


def _lines(name: str, width: int) -> list[str]:
    lines = [""]
    for piece in re.findall(r"[^_+ ]+[_+ ]*", name):
        if lines[-1] and len(lines[-1] + piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip() for line in lines]


def spread_out(values: np.ndarray, height: float) -> np.ndarray:
    """Offsets within +-`height` / 2, so that dots of near values are beside each other; the same each time."""
    offsets = np.zeros(len(values))
    offsets[np.argsort(values, kind="stable")] = [(0, 1, -1)[i % 3] * height / 2 for i in range(len(values))]
    return offsets


def count(numbers: list[int]) -> str:
    """E.g. "n = 10", or "n = 9-10"."""
    low, high = min(numbers), max(numbers)
    return f"n = {low}" if low == high else f"n = {low}-{high}"

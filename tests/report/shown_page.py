"""A page with everything that a browser can do something with."""

import numpy as np
from matplotlib.figure import Figure

from nnunet_slice_attention.report.figure_list import Captioned
from nnunet_slice_attention.report.figure_style import BLUE
from nnunet_slice_attention.report.html import html_page
from nnunet_slice_attention.report.shown_case import ShownCase
from nnunet_slice_attention.report.tables import Table
from tests.report.shown_cases import in_memory

LONG = "a_case_with_a_rather_long_name_0001"
SHORT = {"trainer_a": "a", "trainer_b": "b"}


def shown(name: str, seed: int) -> ShownCase:
    rng = np.random.default_rng(seed)
    truth = np.zeros((8, 24, 24), np.uint8)  # small: without a GPU each voxel takes its time
    truth[2:6, 6:15, 7:14] = 1
    worse = truth.copy()
    worse[4, 10:, :] = 0
    image = rng.normal(100, 20, truth.shape) + 80 * truth
    weights = {"trainer_b": {1: 50 * truth + 10}} if seed else {}
    extremes = {"trainer_b": ("highest", 0.0)} if seed else {}
    return in_memory(
        name, image, truth, {"trainer_a": truth, "trainer_b": worse}, (5.0, 1.0, 1.0), extremes, weights
    )


def bars() -> Figure:
    figure = Figure(figsize=(9, 2), layout="constrained")
    axis = figure.subplots()
    axis.plot([0, 1], [0, 1], color="black")
    axis.plot([0, 1], [1, 0], color=BLUE)
    return figure


def page() -> str:
    """Two cases, of which the second has slice weights; figures, a wide table, and one of two structures."""
    wide = Table(
        "Accuracy",
        ("model", *(f"a rather long metric {i} [mm]" for i in range(12))),
        tuple(
            (m, f"{v} ± 0.1", *["0.123 [0.100, 0.200]"] * 11)
            for m, v in (("x", 10.5), ("y", 9.25), ("z", "n/a"))
        ),
        "Mean ± SD.",
    )
    by_structure = Table(
        "Differences",
        ("structure", "model", "p"),
        (("disc", "x", "0.004"), ("disc", "y", "< 0.001"), ("core", "x", "0.500"), ("core", "y", "n/a")),
    )
    return html_page(
        "Comparison",
        ["b is better than a: +0.1 [-0.1, +0.3] Dice."],
        {
            "How large are the differences?": Captioned(bars(), "Mean and 95 % interval."),
            "Spread": Captioned(bars(), "Dots."),
        },
        [wide, by_structure],
        {"patients": "2"},
        [shown("case_0", 0), shown(LONG, 1)],
        SHORT,
        {"b against a": bars()},
        "a",
    )

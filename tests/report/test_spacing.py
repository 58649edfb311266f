"""Dice against slice spacing, on hand-made tables."""

import pandas as pd

from nnunet_slice_attention.evaluation.scores import Scores
from nnunet_slice_attention.report.line_figures import spacing_figure
from nnunet_slice_attention.report.spacing import group_by_spacing, spacing_table


def make_scores(*rows):
    """From (patient, spacing, Dice) per case, for one structure and one model."""
    columns = ["patient", "spacing_mm", "dice"]
    cases = pd.DataFrame(rows, columns=columns)
    cases = cases.assign(model="a", structure="disc", case=[f"case{i}" for i in range(len(rows))])
    return Scores(cases, baseline="a")


def test_one_column_per_spacing_from_thin_to_thick():
    scores = make_scores(
        ("p1", 6.0, 0.5), ("p1", 2.0, 0.9), ("p2", 6.0, 0.7), ("p2", 2.0, 0.7), ("p2", 2.0, 0.9)
    )
    groups = group_by_spacing(scores)
    dice = {name: list(group.values("a").values()) for name, group in groups.items()}
    assert dice == {"2 mm": [0.9, 0.8], "6 mm": [0.5, 0.7]}
    table = spacing_table(scores, groups)
    assert table.columns == ("structure", "model", "2 mm", "6 mm")
    assert table.rows == (("disc", "a", "0.850 ± 0.071 (n = 2)", "0.600 ± 0.141 (n = 2)"),)


def test_the_figure_counts_patients_that_have_the_structure():
    scores = make_scores(("p1", 2.0, 0.9), ("p2", 2.0, 0.7), ("p1", 6.0, 0.5), ("p2", 6.0, float("nan")))
    figure = spacing_figure(scores, group_by_spacing(scores))
    (axis,) = figure.axes
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["2 mm\n(n = 2)", "6 mm\n(n = 1)"]
    scores = make_scores(("p1", 2.0, 0.9), ("p1", 6.0, 0.5))
    assert (
        spacing_figure(scores, group_by_spacing(scores)).get_supxlabel() == "slice spacing (n = 1 patients)"
    )


def test_one_spacing_gives_no_table():
    scores = make_scores(("p1", 3.0, 0.5), ("p2", 3.001, 0.9))  # as files round it
    assert group_by_spacing(scores) == {}
    assert spacing_table(scores, {}).rows == ()


def test_many_spacings_are_pooled_into_quartiles_of_the_cases():
    scores = make_scores(*((f"p{i}", 1 + i / 4, i / 100) for i in range(16)))
    groups = group_by_spacing(scores)
    assert list(groups) == ["1-1.75 mm", "2-2.75 mm", "3-3.75 mm", "4-4.75 mm"]
    assert [len(group.cases) for group in groups.values()] == [4, 4, 4, 4]


def test_quartiles_count_cases_not_structures():
    scores = make_scores(*((f"p{i}", 1 + i / 4, i / 100) for i in range(16)))
    both = pd.concat([scores.cases, scores.cases.assign(structure="core")], ignore_index=True)
    assert [len(group.cases) for group in group_by_spacing(Scores(both, "a")).values()] == [8, 8, 8, 8]

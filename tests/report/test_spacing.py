"""Dice against slice spacing, on tables made by hand."""

import pandas as pd

from nnunet_slice_attention.report.spacing import dice_by_spacing, spacing_groups, spacing_table


def table(*rows):
    """Of (patient, spacing, Dice), one case each, one structure, one model."""
    columns = ["patient", "spacing_mm", "dice"]
    cases = pd.DataFrame(rows, columns=columns)
    return cases.assign(model="a", structure="disc", case=[f"case{i}" for i in range(len(rows))])


def test_a_column_a_spacing_from_thin_to_thick():
    cases = table(("p1", 6.0, 0.5), ("p1", 2.0, 0.9), ("p2", 6.0, 0.7), ("p2", 2.0, 0.7), ("p2", 2.0, 0.9))
    groups = spacing_groups(cases)
    assert dice_by_spacing(groups, "a", "disc") == {"2 mm": [0.9, 0.8], "6 mm": [0.5, 0.7]}
    made = spacing_table(cases, ["a"])
    assert made.columns == ("structure", "model", "2 mm", "6 mm")
    assert made.rows == (("disc", "a", "0.850 ± 0.071 (n = 2)", "0.600 ± 0.141 (n = 2)"),)


def test_one_spacing_gives_no_table():
    cases = table(("p1", 3.0, 0.5), ("p2", 3.001, 0.9))  # as files round it
    assert spacing_groups(cases) == {}
    assert spacing_table(cases, ["a"]).rows == ()


def test_many_spacings_are_pooled_to_quarters_of_the_cases():
    cases = table(*((f"p{i}", 1 + i / 4, i / 100) for i in range(16)))
    groups = spacing_groups(cases)
    assert list(groups) == ["1-1.75 mm", "2-2.75 mm", "3-3.75 mm", "4-4.75 mm"]
    assert [len(group) for group in groups.values()] == [4, 4, 4, 4]


def test_a_quarter_is_of_cases_however_many_structures_they_have():
    cases = table(*((f"p{i}", 1 + i / 4, i / 100) for i in range(16)))
    both = pd.concat([cases, cases.assign(structure="core")], ignore_index=True)
    assert [len(group) for group in spacing_groups(both).values()] == [8, 8, 8, 8]

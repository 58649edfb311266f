"""Cells of tables, and how the HTML page divides and aligns them."""

import pytest

from nnunet_slice_attention.report.tables import Table, mean_sd, minus_signs, numeric, p_value


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.16, "0.160"),
        (0.0029, "0.003"),
        (4.1e-05, "< 0.001"),
        (0.0496, "0.0496"),
        (0.0504, "0.0504"),
        (1.0, "1.000"),
        (float("nan"), "n/a"),
    ],
)
def test_p_values_have_no_needless_digits_and_show_on_which_side_of_0_05_they_are(p, text):
    assert p_value(p) == text


def test_what_rounds_to_zero_has_no_sign():
    assert mean_sd([-0.01, -0.03], 1) == "0.0 ± 0.0"
    assert mean_sd([-0.02], 1) == "0.0"
    assert mean_sd([-0.2], 1) == "-0.2"


def test_a_minus_is_as_wide_as_a_plus_and_other_hyphens_stay():
    assert minus_signs("-0.1 [-0.2, +0.1]") == "−0.1 [−0.2, +0.1]"
    kept = "nnU-Net_2D-3, 6-10 mm, fold_-1, 2026-01-02"
    assert minus_signs(kept) == kept


def test_rows_are_divided_by_structure_and_columns_of_numbers_are_known():
    rows = (("disc", "a", "patient1", "0.1 ± 0.2"), ("disc", "b", "2", "< 0.001"), ("core", "a", "3", "n/a"))
    table = Table("T", ("structure", "model", "patient", "p"), rows)
    assert table.shown == ("model", "patient", "p")
    assert table.groups == [("disc", [rows[0][1:], rows[1][1:]]), ("core", [rows[2][1:]])]
    assert table.numeric == [False, False, True]
    plain = Table("T", ("model", "Dice"), (("a", "-0.1"),))
    assert (plain.shown, plain.groups) == (plain.columns, [("", [("a", "-0.1")])])
    assert plain.numeric == [False, True]
    assert plain.markdown().splitlines()[-2:] == ["| --- | ---: |", "| a | -0.1 |"]
    assert [numeric(cells) for cells in (["1", ""], ["", ""], ["1", "a"])] == [True, False, False]

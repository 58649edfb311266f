"""Numbers and names as the HTML page sets them."""

from nnunet_slice_attention.report.typesetting import FIGURE, NO_BREAK, aligned, breakable, typeset


def test_what_belongs_together_stays_in_one_line():
    text = "+0.1 [-0.2, +0.3] Dice (95 % CI), n = 9, p < 0.001, at 2 mm, mean ± SD, 5.6 ± 4.0"
    together = "+0.1 [−0.2,_+0.3] Dice (95_% CI), n_=_9, p_<_0.001, at 2_mm, mean_±_SD, 5.6 ±_4.0"
    assert typeset(text) == together.replace("_", NO_BREAK)
    assert typeset(f"+1.0 [-0.2,_ {FIGURE}+3.0]".replace("_ ", " ")) == f"+1.0 [−0.2,{NO_BREAK}{FIGURE}+3.0]"


def test_the_decimal_points_of_a_column_are_below_each_other():
    spaces = str.maketrans("_", FIGURE)
    assert aligned(["12.0 ± 11.6", "5.6 ± 4.0", "n/a"]) == [
        cell.translate(spaces) for cell in ("12.0 ± 11.6", "5.6 ± _4.0", "n/a")
    ]
    assert aligned(["+9.2 [+2.8, +15.7]", "-1.3 [-16.5, +3.9]"]) == [
        cell.translate(spaces) for cell in ("+9.2 [_+2.8, +15.7]", "-1.3 [-16.5, _+3.9]")
    ]
    assert aligned(["0.628", "0.0496", "< 0.001"]) == [
        cell.translate(spaces) for cell in ("0.628_", "0.0496", "< 0.001_")
    ]
    assert aligned(["13 / 0 / 3", "2 / 1 / 13"]) == [
        cell.translate(spaces) for cell in ("13 / 0 / _3", "2 / 1 / 13")
    ]


def test_cells_of_another_form_and_names_are_not_padded():
    assert aligned(["0.900 ± 0.020 (n = 12)", "0.912 (n = 1)", "n/a (n = 0)"])[1:] == [
        "0.912 (n = 1)", "n/a (n = 0)",
    ]  # fmt: skip
    names = ["10000_1000123", "9999_1000", "12-4", "3-10", "3d_5epochs", "2d_10epochs"]
    assert aligned(names) == names


def test_a_line_may_break_within_the_name_of_a_model():
    name = "nnUNetTrainer<wbr>CSANet_<wbr>12blocks &lt;2d&gt;"
    assert breakable("nnUNetTrainerCSANet_12blocks <2d>") == name

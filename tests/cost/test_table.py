"""Table and figure of costs: paired by repeat, empty where nothing was measured."""

import pytest

from nnunet_slice_attention.cost.figure import cost_figure
from nnunet_slice_attention.cost.table import cost_table
from tests.cost.made_up_costs import costs


def test_ratios_are_paired_over_the_repeats_that_both_models_have():
    # The machine is half as fast in repeat 1; model b always costs three times as much and failed in repeat 0.
    measured = {"a": costs({0: 1.0, 1: 2.0, 2: 1.0}), "b": costs({1: 6.0, 2: 3.0})}
    assert "3.00 [3.00, 3.00]" in cost_table(measured, "a").splitlines()[-1]
    del measured["a"]  # failed: b does not become the reference
    assert "[" not in cost_table(measured, "a")


def test_the_figure_has_all_repeats_and_omits_unmeasured_quantities():
    predicted = {"predict_s": 1.0, "predict_tta_s": 4.0, "predicted_slices": 10.0}
    figure = cost_figure({"a": costs({0: 1.0, 1: 2.0}), "b": costs({0: 8.0}, **predicted)})
    drawn = [[line.get_xydata().tolist() for line in axis.lines] for axis in figure.axes]
    training, prediction = drawn[1], drawn[2]
    assert training[0] == [[250, 0], [500, 0], [2000, 1]]
    assert prediction == [[[100, 1]], [[400, 1]]]


@pytest.mark.parametrize("reference", ["mirrors", "does not"])
def test_a_model_without_mirroring_has_no_time_with_mirroring(reference):
    predicted = {"predict_s": 1.0, "predicted_slices": 10.0}
    measured = {
        "mirrors": costs({0: 1.0}, **predicted, predict_tta_s=4.0),
        "does not": costs({0: 1.0}, **predicted, predict_tta_s=None),
    }
    mirrors, does_not = cost_table(measured, reference).splitlines()[2:]
    ratio = "1.00 [1.00, 1.00]" if reference == "mirrors" else ""
    assert mirrors.endswith(f"| 100.0 | 1.00 [1.00, 1.00] | 400.0 | {ratio} |")
    assert does_not.endswith("| 100.0 | 1.00 [1.00, 1.00] |  |  |")
    assert cost_figure(measured).axes[2].lines[1].get_xydata().tolist() == [[400, 0]]

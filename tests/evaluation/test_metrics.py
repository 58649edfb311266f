"""Metrics of one structure: known answers, and empty masks."""

import numpy as np
import pytest

from nnunet_slice_attention.evaluation.metrics import METRICS, structure_metrics

SPACING = (10.0, 2.0, 2.0)  # mm; one voxel is 0.04 ml
SHAPE = (6, 10, 20)


def column(first: int, last: int) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[2:4, 4:6, first:last] = True
    return mask


def test_known_overlap():
    found = structure_metrics(column(0, 10), column(5, 15), SPACING, tolerance=1.0)
    assert found["presence"] == "found"
    assert found["dice"] == pytest.approx(0.5)
    assert found["jaccard"] == pytest.approx(1 / 3)
    assert (found["precision"], found["recall"]) == (0.5, 0.5)
    assert found["hd"] == pytest.approx(10.0)  # five voxels of 2 mm
    assert found["volume_error_ml"] == 0
    assert found["true_volume_ml"] == pytest.approx(40 * 0.04)


def test_hd95_leaves_out_what_is_farthest():
    prediction = column(0, 11)  # 44 voxels, 4 of them 2 mm beyond the ground truth
    prediction[2, 4, 19] = True
    found = structure_metrics(column(0, 10), prediction, SPACING, tolerance=1.0)
    assert found["hd"] == pytest.approx(20.0)
    assert found["hd95"] == pytest.approx(2.0)  # the median is 0


@pytest.mark.parametrize(("tolerance", "nsd"), [(3.0, 4 / 8), (4.0, 6 / 8), (6.0, 1.0)])
def test_nsd_is_the_fraction_of_the_surface_within_the_tolerance(tolerance, nsd):
    truth, prediction = np.zeros((2, *SHAPE), bool)
    truth[2, 4, [2, 14]] = prediction[2, 4, [2, 17]] = True  # one voxel is right, the other 6 mm away
    found = structure_metrics(truth, prediction, SPACING, tolerance)
    assert found["nsd"] == pytest.approx(nsd)  # from 4 mm the nearer half of the other's surface


def test_precision_is_relative_to_the_prediction_and_volume_error_is_signed():
    found = structure_metrics(column(0, 10), column(0, 5), SPACING, tolerance=1.0)
    assert (found["precision"], found["recall"]) == (1.0, 0.5)
    assert found["volume_error_ml"] == pytest.approx(-20 * 0.04)


def test_absent_structures_are_not_applicable():
    found = structure_metrics(column(0, 0), column(0, 0), SPACING, tolerance=1.0)
    assert found["presence"] == "absent"
    assert np.isnan([found[name] for name in METRICS]).all()


@pytest.mark.parametrize(
    ("truth", "prediction", "presence"),
    [(column(0, 10), column(0, 0), "missed"), (column(0, 0), column(0, 10), "hallucinated")],
)
def test_missed_and_hallucinated_structures_get_the_worst_value(truth, prediction, presence):
    found = structure_metrics(truth, prediction, SPACING, tolerance=1.0)
    assert found["presence"] == presence
    assert [found[name] for name in ("dice", "jaccard", "precision", "recall", "nsd")] == [0] * 5
    diagonal = np.sqrt(60**2 + 20**2 + 40**2)
    assert found["hd"] == found["hd95"] == pytest.approx(diagonal)
    assert abs(found["volume_error_ml"]) == pytest.approx(40 * 0.04)


def test_different_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(6, 10, 20\).*\(5, 10, 20\)"):
        structure_metrics(column(0, 1), column(0, 1)[1:], SPACING, tolerance=1.0)

"""Lesion matching, on masks with a known answer."""

import numpy as np
import pytest

from nnunet_slice_attention.evaluation.lesions import lesion_metrics, match_lesions, size_name

SPACING = (5.0, 1.0, 1.0)


def mask(*columns: tuple[int, int]) -> np.ndarray:
    volume = np.zeros((4, 12, 40), bool)
    for first, last in columns:
        volume[1:3, 3:9, first:last] = True
    return volume


def test_found_missed_and_false_positive():
    match = match_lesions(mask((0, 6), (10, 16)), mask((3, 6), (30, 33)), SPACING)
    assert [lesion.found for lesion in match.lesions] == [True, False]
    assert match.lesions[0].dice == pytest.approx(2 * 3 / (6 + 3))
    assert match.false_positives == 1


def test_one_component_over_two_lesions_finds_both_and_costs_dice():
    match = match_lesions(mask((0, 6), (10, 16)), mask((0, 16)), SPACING)
    assert [lesion.dice for lesion in match.lesions] == [pytest.approx(2 * 6 / (6 + 16))] * 2
    assert match.false_positives == 0


def test_a_component_that_fills_the_volume_finds_nothing():
    match = match_lesions(mask((0, 1)), np.ones((4, 12, 40), bool), SPACING)
    assert [lesion.found for lesion in match.lesions] == [False]
    assert match.false_positives == 1


def test_corners_connect_and_diameters_are_in_mm():
    truth = np.zeros((4, 8, 8), bool)
    truth[0, 0, 0] = truth[1, 1, 1] = True
    diameter = (6 / np.pi * 2 * 5) ** (1 / 3)
    for sizes, name in (((1.01, 2), "small"), ((0.99, 1.01), "medium"), ((0.5, 0.99), "large")):
        (lesion,) = match_lesions(truth, truth, SPACING, tuple(diameter * size for size in sizes)).lesions
        assert lesion.size == name


def test_empty_masks_have_no_lesions():
    match = match_lesions(mask(), mask(), SPACING)
    assert (match.lesions, match.false_positives) == ((), 0)


@pytest.mark.parametrize(
    ("diameter", "name"), [(14.9, "small"), (15, "medium"), (30, "medium"), (30.1, "large")]
)
def test_sizes(diameter, name):
    assert size_name(diameter) == name


def test_counts_and_mean_dice_of_each_size():
    found = lesion_metrics(mask((0, 6), (10, 11)), mask((0, 3), (30, 33)), SPACING, (6.5, 30))
    counts = {"lesions": 2, "lesions_found": 1, "lesion_false_positives": 1}
    counts |= {"lesions_small": 1, "lesions_medium": 1, "lesions_large": 0}
    assert {name: found[name] for name in counts} == counts
    assert found["lesion_dice_small"] == 0
    assert found["lesion_dice_medium"] == pytest.approx(2 * 3 / (6 + 3))
    assert np.isnan(found["lesion_dice_large"])

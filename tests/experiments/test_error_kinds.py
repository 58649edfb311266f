"""Every wrong voxel is of one kind; worked out by hand."""

import math

import numpy as np
import pytest

from experiments.error_kinds import shares

# One row of voxels in each of six slices; 4 + 4 + 4 + 4 = 16 of the reference's foreground in slices 1 to 4.
TRUTH = ["000000", "111100", "111100", "222200", "222200", "000000"]
FOUND = ["000001", "011110", "112220", "222100", "000000", "000000"]


def volume(rows: list[str]) -> np.ndarray:
    return np.array([[[int(voxel) for voxel in row]] for row in rows], np.uint8)


def test_kinds():
    found = shares(volume(TRUTH), volume(FOUND))
    assert found["confused"] == pytest.approx((2 + 1) / 16)
    # One that is not there, one that was not found.
    assert found["whole_slices"] == pytest.approx((1 + 4) / 16)
    assert found["ends"] == pytest.approx(2 / 16)  # slice 1; slice 4, the other end, was not found at all
    assert found["inside"] == pytest.approx(1 / 16)
    assert found["foreground_dice"] == pytest.approx(2 * 11 / (16 + 14))


def test_kinds_are_all_errors():
    rng = np.random.default_rng(0)
    for _ in range(20):
        truth, found = rng.integers(0, 3, (2, 5, 4, 4)) * rng.integers(0, 2, (2, 5, 1, 1))
        kinds = shares(truth, found)
        errors = sum(kinds[kind] for kind in ("confused", "whole_slices", "ends", "inside"))
        if truth.any():
            assert errors * (truth > 0).sum() == pytest.approx((truth != found).sum())


def test_without_foreground_there_are_no_shares():
    assert all(math.isnan(value) for value in shares(volume(TRUTH[:1]), volume(FOUND[:1])).values())

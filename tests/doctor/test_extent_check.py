"""`doctor` says how alike images are along the slices, and when `_Position` or `_Millimetres` is out of place."""

import json
from types import SimpleNamespace

import pytest

from nnunet_slice_attention.doctor.extent_check import FINGERPRINT, check_extents

PLANS = {"transpose_forward": [2, 0, 1]}  # the third axis of the files is the one across the slices
ALIKE = [(10, 4.0)] * 50
VARIED = [(10, 4.0)] * 25 + [(30, 4.0)] * 25


def trainer(position=False, millimetres=False):
    return SimpleNamespace(uses_position=lambda: position, uses_spacing=lambda: millimetres)


def check(folder, images, uses):
    """Of images as (slices, mm between them)."""
    fingerprint = {
        "shapes_after_crop": [[64, 48, slices] for slices, _ in images],
        "spacings": [[1.0, 1.0, mm] for _, mm in images],
    }
    (folder / FINGERPRINT).write_text(json.dumps(fingerprint))
    (found,) = check_extents(folder, PLANS, uses)
    assert found.ok
    return found


def test_extents_and_spacings_are_those_of_the_middle_90_percent(tmp_path):
    images = [(10, 4.0)] * 24 + [(12, 5.0)] * 24 + [(100, 9.0), (1, 1.0)]
    found = check(tmp_path, images, trainer())
    assert (
        found.text == "the middle 90 % of the images: 40 to 60 mm along the slices, which are 4 to 5 mm apart"
    )
    assert "40 mm along the slices, which are 4 mm apart" in check(tmp_path, ALIKE, trainer()).text


@pytest.mark.parametrize(
    "images, uses, advised",
    [
        (VARIED, trainer(position=True), "_Position only if all images show the same part"),
        (ALIKE, trainer(position=True), ""),
        (VARIED, trainer(), ""),
        (VARIED, trainer(millimetres=True), "_Millimetres has no effect"),
        ([*ALIKE, (10, 4.5)], trainer(millimetres=True), ""),
    ],
)
def test_advice_is_given_where_the_option_is_out_of_place(images, uses, advised, tmp_path):
    step = check(tmp_path, images, uses).next_step
    assert advised in step and bool(step) == bool(advised)


@pytest.mark.parametrize("content", [None, "{", "[]", "{}", '{"spacings": [[1, 1, 1]]}'])
def test_without_a_fingerprint_nothing_is_said(content, tmp_path):
    if content is not None:
        (tmp_path / FINGERPRINT).write_text(content)
    assert check_extents(tmp_path, PLANS, trainer()) == []

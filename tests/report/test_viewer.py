"""What the slice viewer is given: outlines, errors and images, read back as NIfTI."""

import base64
import gzip
import json
import weakref
from dataclasses import replace

import nibabel
import numpy as np
import pytest

from nnunet_slice_attention.report.html import html_page
from nnunet_slice_attention.report.shown_case import ShownCase
from nnunet_slice_attention.report.viewer import errors, outline, viewer_data
from tests.report.shown_cases import in_memory

SHORT = {"a": "a", "b": "model b"}


def case(title="case", size=40, seed=0, slices=9, begin=3) -> ShownCase:
    rng = np.random.default_rng(seed)
    truth = np.zeros((slices, size, size), np.uint8)
    truth[begin : begin + 3, 10:20, 12:20], truth[begin + 1, 12:15, 14:18] = 1, 2
    found = truth.copy()
    found[begin + 2, 10:13, 12:15] = 0
    return in_memory(
        title, rng.normal(100, 30, truth.shape), truth, {"a": truth, "b": found}, (5.0, 0.5, 0.8)
    )


def read(encoded: str) -> nibabel.Nifti1Image:
    return nibabel.Nifti1Image.from_bytes(gzip.decompress(base64.b64decode(encoded)))


def test_an_outline_is_the_border_inside_every_label():
    labels = np.zeros((1, 6, 7), np.uint8)
    labels[0, 1:5, 1:6] = 1
    labels[0, 2:4, 3:6] = 2
    expected = [
        "0000000",
        "0111110",
        "0111110",
        "0111110",
        "0111110",
        "0000000",
    ]
    assert ["".join(map(str, row)) for row in outline(labels)[0]] == expected
    labels[0, 2:4, 3:6] = 1
    assert outline(labels)[0].sum() == 2 * 5 + 2 * 2
    fine = outline(labels, 4)
    assert fine.shape == (1, 24, 28)
    assert fine[0].sum() == 2 * 20 + 2 * 14  # one fine voxel wide


def test_a_label_at_the_border_of_the_image_is_outlined_there_too():
    assert outline(np.ones((1, 3, 3), np.uint8))[0].tolist() == [[1, 1, 1], [1, 0, 1], [1, 1, 1]]


def test_errors_are_told_apart():
    truth, prediction = np.array([[[0, 0, 1, 1, 1]]]), np.array([[[0, 2, 0, 1, 2]]])
    assert errors(truth, prediction).tolist() == [[[0, 1, 2, 0, 3]]]


def test_volumes_are_cropped_with_their_spacing_and_intensities():
    shown = case()
    ((entry,), left_out) = viewer_data([shown], SHORT)
    assert left_out == []
    image = read(entry["image"])
    assert (entry["first"], entry["slices"], entry["of"]) == (1, 7, 9)
    assert image.shape == (40 * 4, 40 * 4, 7)  # margins reach the border; four fine voxels for each
    np.testing.assert_allclose(image.header.get_zooms(), (0.8 / 4, 0.5 / 4, 5.0))
    intensities = shown.read(["a"]).image[1:8]
    step = np.ptp(intensities) / 65_000
    back = image.get_fdata().transpose(2, 1, 0)[:, ::4, ::4]
    np.testing.assert_allclose(back, intensities, rtol=0, atol=step)
    assert entry["window"] == pytest.approx(np.percentile(intensities, (1, 99)))


def test_layers_are_the_ground_truth_and_every_model_and_it_opens_where_they_differ_most():
    ((entry,), _) = viewer_data([case()], SHORT)
    assert [layer["name"] for layer in entry["layers"]] == ["ground truth", "a", "model b"]
    assert entry["start"] == 5 - entry["first"]
    truth, same, other = (read(layer["outline"]).get_fdata() for layer in entry["layers"])
    assert np.array_equal(truth, same) and not np.array_equal(truth, other)
    found = read(entry["layers"][2]["errors"]).get_fdata()
    assert found.sum() == 2 * 9 * 16  # nine voxels missed, in one slice
    assert found.any(axis=(0, 1)).tolist() == [False] * 4 + [True] + [False] * 2


def test_the_weights_of_slices_are_named_by_model_and_place():
    volume = np.arange(9, dtype=np.uint8)[:, None, None] * np.ones((1, 40, 40), np.uint8)
    shown = case()
    weighed = replace(shown, read_weights=lambda: {"b": {-1: volume, 0: volume, 2: volume}})
    ((entry,), _) = viewer_data([weighed], SHORT)
    names = ["model b, previous slice", "model b, the slice itself", "model b, slice +2"]
    assert [weights["name"] for weights in entry["weights"]] == names
    found = read(entry["weights"][0]["volume"])
    assert found.shape == (40, 40, 7) and found.get_fdata()[0, 0].tolist() == list(range(1, 8))
    assert entry["weights"][0]["brightest"] == pytest.approx(200 / 3)
    without, _ = viewer_data([shown], SHORT)
    assert without[0]["weights"] == []
    room = len(json.dumps(without))
    assert viewer_data([weighed], SHORT, max_bytes=room) == (without, ["attention weights of case"])


def test_a_case_without_any_label_is_shown_whole():
    empty = np.zeros((3, 20, 20), np.uint8)
    ((entry,), _) = viewer_data(
        [in_memory("empty", empty + 1.0, empty, {"a": empty}, (3.0, 1.0, 1.0))], SHORT
    )
    assert entry["slices"] == 3
    assert read(entry["image"]).get_fdata().min() == 1


def test_the_data_are_json_wherever_labels_begin_and_whatever_is_not_a_number():
    shown = case(slices=14, begin=8)
    shown.read(["a"]).image[9, 20, 20] = np.nan
    (entry,) = json.loads(json.dumps(viewer_data([shown], SHORT)[0], allow_nan=False))
    assert entry["first"] == 6


def test_one_case_at_a_time_is_in_memory():
    volumes, alive = [], []

    def read_case(models):
        found = case().read(models)
        volumes.append(weakref.ref(found))
        alive.append(sum(volume() is not None for volume in volumes))
        return found

    shown, left_out = viewer_data([replace(case(), read=read_case) for _ in range(3)], SHORT)
    assert (len(shown), left_out, alive) == (3, [], [1, 1, 1])


def test_what_has_no_room_is_named():
    one = len(str(viewer_data([case()], SHORT)[0]))
    shown, left_out = viewer_data([case("first"), case("second", seed=1)], SHORT, max_bytes=one)
    assert [entry["title"] for entry in shown] == ["first"]
    assert left_out == ["second"]


def test_cases_that_have_no_room_are_named_though_none_is_shown():
    huge = np.random.default_rng(0).normal(size=(40, 512, 512)).astype(np.float32)
    labels = np.ones(huge.shape, np.uint8)
    big = in_memory("big", huge, labels, {"a": labels}, (5.0, 1.0, 1.0))
    html = html_page("T", [], {}, [], {}, [big], {"a": "a"}, {}, "a")
    assert "Too large for the slice viewer: big." in html and 'id="viewer"' not in html

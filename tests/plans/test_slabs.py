"""How slices form slabs, in training and in the saved plans; which plans are refused."""

from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnunet_slice_attention.plans.slabs import (
    SLAB_RULES,
    prediction_depth,
    slab_plan,
    training_slabs,
    with_prediction_slab,
)


@pytest.fixture
def plans():
    return {
        "dataset_name": "Dataset001_X",
        "plans_name": "nnUNetPlans",
        "original_median_shape_after_transp": [10, 255, 223],
        "configurations": {
            "2d": {"patch_size": [256, 224], "batch_size": 40, "spacing": [1.5, 1.5], "architecture": {}},
            "3d_fullres": {
                "patch_size": [10, 256, 224],
                "batch_size": 4,
                "spacing": [10, 1.5, 1.5],
                "architecture": {},
            },
            "3d_cascade_fullres": {"inherits_from": "3d_fullres", "previous_stage": "3d_lowres"},
            "2d_child": {"inherits_from": "2d", "batch_size": 12},
        },
    }


@pytest.mark.parametrize(
    ("batch", "radius", "sampling", "expected"),
    [
        (6, 1, "context", (3, 6)),
        (6, 0, "context", (1, 6)),
        (40, 2, "context", (5, 40)),
        (6, 1, "short", (2, 3)),
        (6, 1, "full", (3, 2)),
        (6, 0, "full", (2, 3)),
        (6, 1, "centre", (3, 2)),
        (6, 0, "centre", (1, 6)),
        (6, 1, "deep", (6, 1)),
        (40, 2, "short", (3, 13)),
        (40, 2, "centre", (5, 8)),
        (2, 2, "deep", (5, 1)),
        (2, 4, "centre", (9, 1)),
        (6, 0, "short", (2, 3)),
    ],
)
def test_training_slabs(batch, radius, sampling, expected):
    assert training_slabs(batch, radius, sampling) == expected


def test_an_unknown_sampling_lists_the_valid_ones():
    with pytest.raises(ValueError, match="sampling='shallow' is unknown.*short.*centre.*deep"):
        training_slabs(6, 1, "shallow")


@pytest.mark.parametrize(
    ("batch", "radius", "median", "expected"),
    [(40, 1, 10, 10), (6, 1, 100, 12), (6, 1, 1, 3), (2, 4, 100, 9)],
)
def test_prediction_depth_is_the_median_volume_within_memory_and_never_less_than_the_context(
    batch, radius, median, expected
):
    assert prediction_depth(batch, radius, median) == expected


@pytest.mark.parametrize(("batch", "radius", "median", "expected"), [(6, 1, 100, 400), (2, 8, 3, 17)])
def test_a_patch_that_is_taken_for_a_whole_volume_is_four_times_as_deep_as_the_median(
    batch, radius, median, expected
):
    assert prediction_depth(batch, radius, median, whole_volumes=True) == expected


def test_the_saved_plans_differ_in_the_patch_only_and_rewriting_is_idempotent(plans):
    before = deepcopy(plans)
    assert slab_plan(plans, "2d", 1, whole_volumes=True).predict_depth == 40
    slab = slab_plan(plans, "2d", 1)
    saved = with_prediction_slab(plans, "2d", slab)
    assert plans == before
    assert saved["configurations"]["2d"].pop("patch_size") == [10, 256, 224]
    saved["configurations"]["2d"]["patch_size"] = [256, 224]
    assert saved == before
    again = with_prediction_slab(plans, "2d", slab)
    assert slab_plan(again, "2d", 1) == slab
    assert with_prediction_slab(again, "2d", slab) == again


def test_a_configuration_that_inherits_its_patch_works(plans):
    slab = slab_plan(plans, "2d_child", 1)
    assert (slab.in_plane, slab.train_slabs) == ((256, 224), 12)
    saved = with_prediction_slab(plans, "2d_child", slab)["configurations"]
    assert saved["2d"]["patch_size"] == [256, 224]
    assert saved["2d_child"] == {"inherits_from": "2d", "batch_size": 12, "patch_size": [10, 256, 224]}


@pytest.mark.parametrize(
    ("configuration", "reason"),
    [("3d_fullres", "is 3D .target spacing"), ("3d_cascade_fullres", "cascade stage")],
)
def test_3d_and_cascades_are_errors_with_the_next_step(plans, configuration, reason):
    with pytest.raises(ValueError, match=f"{configuration}.*{reason}.*Train configuration 2d instead"):
        slab_plan(plans, configuration, 1)


def test_a_data_set_of_2d_images_is_an_error_with_the_next_step(plans):
    plans["original_median_shape_after_transp"] = [1, 512, 512]
    with pytest.raises(
        ValueError, match=r"2D images \(median shape \[1, 512, 512\]\).*Train nnU-Net's own nnUNetTrainer"
    ):
        slab_plan(plans, "2d", 1)


BATCHES, RADII, MEDIANS = st.integers(1, 500), st.integers(0, 8), st.integers(2, 1000)


@given(BATCHES, RADII, st.sampled_from(list(SLAB_RULES)))
def test_training_slabs_have_about_the_planned_slices_or_as_many_middle_slices(batch, radius, sampling):
    depth, slabs = training_slabs(batch, radius, sampling)
    if sampling == "context":
        assert (depth, slabs) == (2 * radius + 1, batch)
        return
    assert slabs >= 1
    assert depth >= (2 * radius + 1 if sampling != "short" else radius + 1)
    if batch >= depth:
        assert abs(depth * slabs - batch) <= depth / 2
    else:
        assert slabs == 1


@given(BATCHES, RADII, MEDIANS)
def test_prediction_depth_covers_the_context_within_memory_and_median_depth(batch, radius, median):
    depth = prediction_depth(batch, radius, median)
    assert depth >= 2 * radius + 1
    assert depth <= max(2 * radius + 1, min(median, 2 * batch))


@given(BATCHES, RADII, MEDIANS, st.sampled_from(list(SLAB_RULES)))
def test_rewritten_plans_give_the_same_slabs(batch, radius, median, sampling):
    configuration = {"patch_size": [256, 224], "batch_size": batch, "spacing": [1.5, 1.5], "architecture": {}}
    shape = [median, 255, 223]
    plans = {"original_median_shape_after_transp": shape, "configurations": {"2d": configuration}}
    slab = slab_plan(plans, "2d", radius, sampling)
    rewritten = with_prediction_slab(plans, "2d", slab)
    assert slab_plan(rewritten, "2d", radius, sampling) == slab
    assert rewritten["configurations"]["2d"]["patch_size"] == [slab.predict_depth, 256, 224]
    assert plans["configurations"]["2d"]["patch_size"] == [256, 224]

"""End slices of a volume are sampled as often as the rule says, and padded like an array."""

import numpy as np
import pytest
from acvl_utils.cropping_and_padding.bounding_boxes import crop_and_pad_nd
from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader
from nnunetv2.utilities.label_handling.label_handling import LabelManager

from nnunet_slice_attention.augmentation.draw_distance import depth_to_load
from nnunet_slice_attention.plans.slabs import SLAB_RULES, training_slabs
from nnunet_slice_attention.trainers.border_padding import BorderPaddedDataset, PaddedVolume

VOLUME = np.arange(2 * 4 * 5 * 6, dtype=np.float32).reshape(2, 4, 5, 6) + 1


class OneCase:
    identifiers = ("a",)

    def load_case(self, identifier):
        return (
            VOLUME,
            VOLUME[:1].astype(np.int16),
            None,
            {"class_locations": {1: np.array([[0, 0, 2, 3]]), 2: []}},
        )


@pytest.mark.parametrize("margin", [0, 1, 3])
def test_crops_equal_those_of_a_padded_array(margin):
    lazy = PaddedVolume(VOLUME, margin, -1)
    padded = np.pad(VOLUME, ((0, 0), (margin, margin), (0, 0), (0, 0)), constant_values=-1)
    assert lazy.shape == padded.shape
    rng = np.random.default_rng(0)
    for _ in range(500):
        low = np.array([rng.integers(-2, s) for s in padded.shape[1:]])
        high = low + rng.integers(3, 8, 3)
        box = np.stack([low, high], axis=1).tolist()
        np.testing.assert_array_equal(crop_and_pad_nd(lazy, box, -1), crop_and_pad_nd(padded, box, -1))


def test_class_locations_are_shifted():
    data, segmentation, previous, properties = BorderPaddedDataset(OneCase(), 2).load_case("a")
    (_, z, y, x) = properties["class_locations"][1][0]
    assert data[0:1, z : z + 1, y : y + 1, x : x + 1].item() == VOLUME[0, 0, 2, 3]
    assert (segmentation[0:1, 0:2, 0:5, 0:6] == -1).all()
    assert previous is None and len(properties["class_locations"][2]) == 0
    assert OneCase().load_case("a")[3]["class_locations"][1].tolist() == [[0, 0, 2, 3]]


@pytest.mark.parametrize(
    ("radius", "sampling", "ends"),
    [
        (0, "short", 1),
        (1, "short", 1),
        (2, "short", 1),
        (1, "centre", 1),
        (0, "context", 1),
        (2, "context", 1),
        (1, "full", 2 / 3),
    ],
)
def test_how_often_nnunet_samples_the_end_slices(radius, sampling, ends):
    depth, _ = training_slabs(6, radius, sampling)
    margin = SLAB_RULES[sampling].margin(depth, radius)
    labels = LabelManager({"background": 0, "a": 1}, regions_class_order=None)
    loader = nnUNetDataLoader(OneCase(), 6, (depth, 5, 6), (depth, 5, 6), labels)
    n_slices, drawn = 10, np.zeros(10)
    np.random.seed(0)
    for _ in range(20_000):
        (first, *_), (end, *_) = loader.get_bbox(np.array([n_slices + 2 * margin, 5, 6]), False, None)
        with_loss = [first + depth // 2] if SLAB_RULES[sampling].learning.centre_only else range(first, end)
        inside = [z - margin for z in with_loss if 0 <= z - margin < n_slices]
        drawn[inside] += 1
    middle = drawn[3:7].mean()
    assert drawn[[0, -1]] / middle == pytest.approx([ends, ends], abs=0.05)


@pytest.mark.parametrize("radius", [1, 2])
def test_with_random_distances_too_the_middle_slice_exists_and_is_each_slice_equally_often(radius):
    """nnU-Net's loader lets a patch that is cropped later start outside of the volume."""
    depth, _ = training_slabs(6, radius, "context")
    margin, loaded, n_slices = SLAB_RULES["context"].margin(depth, radius), depth_to_load(depth, 2), 10
    labels = LabelManager({"background": 0, "a": 1}, regions_class_order=None)
    loader = nnUNetDataLoader(OneCase(), 6, (loaded, 5, 6), (depth, 5, 6), labels)
    np.random.seed(0)
    drawn = np.zeros(n_slices + 2 * margin)
    for _ in range(20_000):
        (first, *_), _ = loader.get_bbox(np.array([len(drawn), 5, 6]), False, None)
        drawn[first + loaded // 2] += 1
    assert not drawn[:margin].any() and not drawn[-margin:].any()
    assert drawn[margin:-margin] == pytest.approx([2000] * n_slices, rel=0.15)

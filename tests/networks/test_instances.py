"""Targets of a detector agree with an independent computation, and give the label map back."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage.measure import label, regionprops
from torchvision.models.detection.roi_heads import project_masks_on_boxes

from nnunet_slice_attention.networks.instances import instances, logits_of, probabilities, structures_of

SIZE = (40, 56)


def blobs(seed: int) -> np.ndarray:
    """A label map of two structures in several pieces, some a single voxel, some touching at a corner."""
    rng = np.random.default_rng(seed)
    smooth = gaussian_filter(rng.standard_normal(SIZE), 2.5)
    labels = np.digitize(smooth, np.quantile(smooth, [0.7, 0.9])).astype(np.uint8)
    labels[0, 0], labels[1, 1], labels[39, 55], labels[5, :3] = 2, 2, 2, 0
    return labels


def found_with_scores(target: dict, scores: list[float]) -> dict:
    """A target as the output of a detector that has learned it perfectly, with masks of 28 x 28 cells."""
    own = torch.arange(len(target["boxes"]))
    masks = project_masks_on_boxes(target["masks"], target["boxes"], own, 28)[:, None]
    return {**target, "masks": masks, "scores": torch.tensor(scores)}


def as_set(boxes, labels, masks) -> set:
    return {
        (tuple(map(int, box)), int(structure), mask.astype(bool).tobytes())
        for box, structure, mask in zip(boxes, labels, masks, strict=True)
    }


def test_boxes_labels_and_masks_are_those_of_regionprops():
    maps = np.stack([blobs(seed) for seed in range(4)])
    found = instances(structures_of(torch.from_numpy(maps)[:, None], 2, has_background=True))
    assert len(found) == 4
    for labels, target in zip(maps, found, strict=True):
        expected = set()
        for structure in (1, 2):
            components = label(labels == structure, connectivity=2)
            for region in regionprops(components):
                y1, x1, y2, x2 = region.bbox
                mask = components == region.label
                expected |= as_set([(x1, y1, x2, y2)], [structure], [mask])
        assert len(expected) > 4
        assert as_set(target["boxes"], target["labels"], target["masks"].numpy()) == expected
        assert (target["boxes"].dtype, target["labels"].dtype) == (torch.float32, torch.int64)


def test_regions_may_overlap_and_an_empty_slice_has_no_instance():
    regions = torch.zeros(2, 2, *SIZE)
    regions[0, 0, 5:20, 5:20] = regions[0, 1, 8:12, 8:12] = 1
    full, empty = instances(structures_of(regions, 2, has_background=False))
    assert full["labels"].tolist() == [1, 2]
    assert full["boxes"].tolist() == [[5, 5, 20, 20], [8, 8, 12, 12]]
    assert [tuple(empty[key].shape) for key in ("boxes", "labels", "masks")] == [(0, 4), (0,), (0, *SIZE)]


def test_a_perfect_detection_gives_the_label_map_back():
    """To the voxel, also where the shapes do not fill their boxes."""
    labels = torch.zeros(SIZE, dtype=torch.uint8)
    labels[4:20, 6:30], labels[12:20, 20:30], labels[24:34, 5:15] = 1, 0, 2
    labels[24:32, 13:15] = labels[24:26, 5:9] = 0
    y, x = torch.meshgrid(*(torch.arange(n) for n in SIZE), indexing="ij")
    labels[(y - 30) ** 2 + (x - 45) ** 2 < 64] = 1
    (target,) = instances(structures_of(labels[None, None], 2, has_background=True))
    maps = probabilities(found_with_scores(target, [0.9] * 3), 2, SIZE)
    logits = logits_of(maps, has_background=True)
    segmented = logits.argmax(dim=0)
    assert (segmented != labels).sum() == 0
    # Inside, away from edges, the softmax is close to the score and one minus it.
    np.testing.assert_allclose(logits.softmax(dim=0)[:, 12, 15], [0.1, 0.9, 0], atol=0.05)
    np.testing.assert_allclose(logits.softmax(dim=0)[:, 1, 1], [1, 0, 0], atol=0.05)
    wanted = torch.stack([labels == 1, labels == 2])
    assert torch.equal(logits_of(maps, has_background=False) > 0, wanted)


def test_overlapping_detections_count_once_and_uncertain_ones_stay_background():
    labels = torch.zeros(SIZE, dtype=torch.uint8)
    labels[4:20, 6:30] = 1
    (target,) = instances(structures_of(labels[None, None], 2, has_background=True))
    twice = {key: torch.cat([value, value]) for key, value in target.items()}
    twice["labels"] = torch.tensor([1, 2])
    maps = probabilities(found_with_scores(twice, [0.7, 0.4]), 2, SIZE)
    np.testing.assert_allclose(maps[:, 12, 15], [0.7, 0.4], atol=1e-5)
    np.testing.assert_allclose(logits_of(maps, has_background=True)[0, 12, 15].exp(), 0.3, atol=1e-5)
    twice["labels"] = torch.tensor([2, 2])
    maps = probabilities(found_with_scores(twice, [0.3, 0.4]), 2, SIZE)
    np.testing.assert_allclose(maps[:, 12, 15], [0, 0.4], atol=1e-5)
    assert not logits_of(maps, has_background=True).argmax(dim=0).any()


@pytest.mark.parametrize("n_structures", [1, 13])
@pytest.mark.parametrize("has_background", [True, False])
def test_no_single_view_outvotes_three_others(n_structures, has_background):
    def is_found(*scores: float) -> bool:
        """In the mean of the logits of several views of an instance of the first structure."""
        maps = torch.zeros(len(scores), n_structures, 1, 1)
        maps[:, 0, 0, 0] = torch.tensor(scores)
        logits = logits_of(maps, has_background).mean(dim=0).flatten()
        return bool(logits.argmax() == 1) if has_background else bool(logits[0] > 0)

    assert is_found(0.9, 0.9, 0.9, 0)
    assert not is_found(1, 0, 0, 0)
    assert not is_found(0, 0, 0, 0)


def test_nothing_found_is_background_everywhere():
    (nothing,) = instances(torch.zeros(1, 2, *SIZE, dtype=torch.bool))
    maps = probabilities(found_with_scores(nothing, []), 2, SIZE)
    logits = logits_of(maps, has_background=True)
    assert logits.isfinite().all() and not logits.argmax(dim=0).any()
    assert (logits_of(maps, has_background=False) < 0).all()

"""AP50 and sensitivities equal those of pycocotools: random cases, ties, several detections per box, empty images."""

import numpy as np
import pytest

from nnunet_slice_attention.evaluation.boxes import component_boxes
from nnunet_slice_attention.evaluation.detection import (
    Pooled,
    _weighted,
    detection_metrics,
    detection_rows,
    match_boxes,
    pool,
)
from tests.evaluation.coco import coco_metrics


def random_boxes(rng, count, axes, size=24):
    first = rng.integers(1, size - 9, (count, axes))
    return np.stack((first, first + rng.integers(4, 9, (count, axes))), axis=-1)


def random_images(seed, axes):
    """Up to six images; some empty, and in some cases all; scores with ties; up to four detections per reference."""
    rng = np.random.default_rng(seed)
    images = []
    for _ in range(rng.integers(1, 7)):
        references = random_boxes(rng, rng.integers(0, 5) * (seed % 10 != 0), axes)
        near = [
            reference + rng.integers(-1, 2, (axes, 1))
            for reference in references
            for _ in range(rng.integers(0, 5))
        ]
        strays = random_boxes(rng, rng.integers(0, 6), axes)
        boxes = rng.permutation(np.concatenate([strays, np.array(near, int).reshape(-1, axes, 2)]))
        boxes = boxes[: len(boxes) * (seed % 7 != 0)]
        images.append((boxes, rng.integers(0, 6, len(boxes)) / 5, references))
    return images


def pooled(images):
    hits = [match_boxes(boxes, scores, references) >= 0 for boxes, scores, references in images]
    return Pooled(
        np.concatenate([scores for _, scores, _ in images]),
        np.concatenate(hits),
        np.repeat(np.arange(len(images)), list(map(len, hits))),
        np.array([len(references) for *_, references in images]),
        np.ones(len(images), int),
    )


@pytest.mark.parametrize("axes", [2, 3])
def test_metrics_equal_those_of_pycocotools(axes):
    seen = []
    for seed in range(50):
        images = random_images(seed, axes)
        expected = coco_metrics(images)
        values = [estimate.value for estimate in detection_metrics(pooled(images), draws=1)]
        np.testing.assert_allclose(values, expected, atol=1e-6, err_msg=f"seed {seed}")
        seen.append(expected[0])
    seen = np.array(seen)
    assert np.isnan(seen).any() and (seen == 0).any() and ((seen > 0.2) & (seen < 0.9)).sum() > 10


def test_of_two_reference_boxes_with_the_same_iou_the_last_is_taken():
    references = np.array([[[0, 4], [1, 3]], [[2, 6], [1, 3]]])
    boxes = np.array([[[1, 5], [1, 3]], [[0, 4], [1, 3]]])
    for order in (1, -1):  # the second box has only one of the two reference boxes left
        images = [(boxes, np.array([0.9, 0.8]), references[::order])]
        values = [estimate.value for estimate in detection_metrics(pooled(images))]
        np.testing.assert_allclose(values, coco_metrics(images), atol=1e-6)
        assert values[-1] == (1 if order == 1 else 0.5)


def test_more_than_a_hundred_detections_in_an_image():
    rng = np.random.default_rng(0)
    references = random_boxes(rng, 150, 2, size=400)
    boxes = np.concatenate([random_boxes(rng, 120, 2, size=400), references])
    images = [(boxes, np.linspace(1, 0.5, len(boxes)), references)]
    values = [estimate.value for estimate in detection_metrics(pooled(images))]
    np.testing.assert_allclose(values, coco_metrics(images), atol=1e-6)
    assert values[0] > 0.3


def test_by_hand_two_components_of_which_one_is_found():
    truth = np.zeros((3, 20, 20), bool)
    truth[:2, 2:6, 2:6] = truth[1, 12:16, 12:16] = True
    prediction = np.zeros_like(truth)
    prediction[:2, 2:6, 2:5] = prediction[2, 0, 19] = True
    probability = np.where(prediction, 0.6, 0.0)
    probability[0, 3, 3], probability[2, 0, 19] = 0.9, 0.8
    boxes, scores = component_boxes(prediction, probability)
    assert boxes.tolist() == [[[0, 2], [2, 6], [2, 5]], [[2, 3], [0, 1], [19, 20]]]
    assert scores.tolist() == [0.9, 0.8]
    case = {"patient": "a", "slices": 3, "boxes": detection_rows(truth, prediction, probability, 0)}
    volumes, slices = (pool([case], images) for images in ("volumes", "slices"))
    assert (volumes.references.tolist(), volumes.images.tolist()) == ([2], [1])
    assert (slices.references.tolist(), slices.images.tolist()) == ([3], [3])
    assert sorted(slices.scores) == [0.6, 0.8, 0.9]
    assert [round(e.value, 6) for e in detection_metrics(volumes)] == [round(51 / 101, 6), 0.5, 0.5, 0.5]
    (third, *_) = detection_metrics(slices)  # found at ranks 1 and 3 of three: precision 1, then 2/3
    assert third.value == pytest.approx((34 * 1 + 33 * 2 / 3) / 101)


def test_the_bootstrap_equals_patients_given_several_times():
    rng = np.random.default_rng(0)
    images = [image for seed in (1, 2, 3) for image in random_images(seed, 2)]
    images = [(boxes, scores + rng.random(len(scores)), refs) for boxes, scores, refs in images]  # no ties
    sizes = rng.integers(1, 5, len(images))  # images of each patient
    for _ in range(20):
        counts = rng.integers(0, 3, len(images))
        repeated = [image for image, count in zip(images, counts, strict=True) for _ in range(count)]
        (weighted,) = _weighted(pooled(images)._replace(images=sizes), counts[None].astype(float))
        given = pooled(repeated)._replace(images=np.repeat(sizes, counts))
        expected = [e.value for e in detection_metrics(given, draws=1)]
        np.testing.assert_allclose(weighted, expected, atol=1e-9)


def test_intervals_are_over_patients():
    images = [image for seed in range(1, 6) for image in random_images(seed, 2)]
    for value, low, high in detection_metrics(pooled(images)):
        assert low <= value <= high and low < high
    assert np.isnan([e[1:] for e in detection_metrics(pooled(images[:1]))]).all()


def test_empty_cases():
    nothing, box = np.zeros((0, 3, 2), int), np.array([[[0, 1]] * 3])
    score = np.array([0.9])
    assert np.isnan(detection_metrics(pooled([(nothing, score[:0], nothing)] * 2))).all()
    assert np.isnan(detection_metrics(pooled([(box, score, nothing)] * 2))).all()
    assert detection_metrics(pooled([(nothing, score[:0], box)] * 2)) == [(0, 0, 0)] * 4
    assert np.isnan(detection_metrics(pool([], "slices"))).all()
    half = [(box, score, box), (nothing, score[:0], nothing)]  # a bootstrap sample may lack reference boxes
    np.testing.assert_allclose(detection_metrics(pooled(half)), 1)

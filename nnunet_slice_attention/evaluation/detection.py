"""Detection by boxes: average precision at IoU 0.5 and sensitivity at false positives per image, counted as by COCO.

Lin et al., *Microsoft COCO: common objects in context*, ECCV 2014; AP50 equals that of pycocotools without a limit on
the number of detections. In 3D a volume is an image, in 2D each slice of it, with boxes of the components in its plane.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from .boxes import box_iou, component_boxes

Images: TypeAlias = Literal["volumes", "slices"]
IMAGES: tuple[Images, ...] = ("volumes", "slices")
MIN_IOU = 0.5  # of a detection and a reference box
RATES = (0.5, 1.0, 2.0)  # false positives per image
RECALLS = np.linspace(0, 1, 101)  # at which COCO reads the precision
DRAWS, SEED = 1000, 0  # of the bootstrap
BOUNDS = (2.5, 97.5)  # percentiles
AT_ONCE = 4_000_000  # values per array in the bootstrap
REFERENCE, PREDICTED = "reference", "predicted"


class Pooled(NamedTuple):
    """One structure's detections by one model in all images of a kind.

    Attributes:
        scores: float (N,), image after image.
        hits: bool (N,), whether the detection matches a reference box.
        patients: int (N,), index of the detection's patient.
        references: number of reference boxes of each patient, (P,).
        images: number of images of each patient, (P,).
    """

    scores: np.ndarray
    hits: np.ndarray
    patients: np.ndarray
    references: np.ndarray
    images: np.ndarray


class Estimate(NamedTuple):
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float


def match_boxes(boxes: np.ndarray, scores: np.ndarray, references: np.ndarray) -> np.ndarray:
    """The reference box that each detection of one image matches, int (N,); -1 for a false positive.

    In descending order of the scores (ties in the order given), a detection takes the free reference box with the
    highest IoU (among equal ones the last), if that is at least `MIN_IOU`.

    Args:
        boxes: (N, axes, 2).
        scores: (N,).
        references: (M, axes, 2).
    """
    matches = np.full(len(boxes), -1)
    if not len(references):
        return matches
    references = references[::-1]  # argmax takes the first of equal values
    free = np.ones(len(references), bool)
    for i in np.argsort(-scores, kind="stable"):
        overlap = box_iou(boxes[i], references) * free
        best = int(overlap.argmax())
        if overlap[best] >= MIN_IOU:
            matches[i] = len(references) - 1 - best
            free[best] = False
    return matches


def detection_rows(
    truth: np.ndarray, prediction: np.ndarray, probability: np.ndarray, slice_axis: int
) -> list[dict]:
    """All boxes of a structure in one case, with axes in the order of the arrays.

    Each is a dict of "images" ("volumes": box of a component of the volume, "slices": of a component of a slice),
    "source" ("reference" or "predicted"), "score" ("" for a reference box, else see `component_boxes`), "matched" (0 or
    1), "axis0_min", "axis0_max" and so on: voxel indices, the maximum not included.

    Args:
        truth, prediction: masks, bool, three axes.
        probability: of the structure, same shape.
        slice_axis: axis along which slices are stacked.
    """
    rows = []
    for images in IMAGES:
        axis = slice_axis if images == "slices" else None
        references, _ = component_boxes(truth, None, axis)
        boxes, scores = component_boxes(prediction, probability, axis)
        of_boxes, of_references = _image_of(boxes, axis), _image_of(references, axis)
        for image in np.union1d(of_boxes, of_references):
            here, there = of_boxes == image, of_references == image
            matches = match_boxes(boxes[here], scores[here], references[there])
            found = np.isin(np.arange(there.sum()), matches)
            for box, matched in zip(references[there], found, strict=True):
                rows.append(_row(images, REFERENCE, "", matched, box))
            for box, score, match in zip(boxes[here], scores[here], matches, strict=True):
                rows.append(_row(images, PREDICTED, float(score), match >= 0, box))
    return rows


def _image_of(boxes: np.ndarray, slice_axis: int | None) -> np.ndarray:
    """Index of each box's image in the case, (N,)."""
    return np.zeros(len(boxes), int) if slice_axis is None else boxes[:, slice_axis, 0]


def _row(images: Images, source: str, score: float | str, matched: bool, box: np.ndarray) -> dict:
    row = {"images": images, "source": source, "score": score, "matched": int(matched)}
    for axis, (first, end) in enumerate(box.tolist()):
        row |= {f"axis{axis}_min": first, f"axis{axis}_max": end}
    return row


def pool(cases: Sequence[Mapping], images: Images) -> Pooled:
    """Pool cases, each with "patient", "slices" (their number) and "boxes" (see `detection_rows`)."""
    names = sorted({case["patient"] for case in cases})
    index = {name: i for i, name in enumerate(names)}
    detections, references, counts = [], np.zeros(len(names), int), np.zeros(len(names), int)
    for case in cases:
        patient = index[case["patient"]]
        own = [box for box in case["boxes"] if box["images"] == images]
        predicted = [(box["score"], box["matched"]) for box in own if box["source"] == PREDICTED]
        detections += [(*found, patient) for found in predicted]
        references[patient] += len(own) - len(predicted)
        counts[patient] += case["slices"] if images == "slices" else 1
    scores, hits, patients = zip(*detections, strict=True) if detections else ((), (), ())
    return Pooled(np.array(scores, float), np.array(hits, bool), np.array(patients, int), references, counts)


def detection_metrics(pooled: Pooled, draws: int = DRAWS) -> list[Estimate]:
    """AP50, then the sensitivity at each of `RATES`, with percentile intervals of a bootstrap over patients.

    AP50 is the mean over 101 recalls of the highest precision at this recall or above. For the sensitivity, detections
    are accepted in descending order of scores while there are no more than the given number of false positives per
    image. Tied scores keep their order, as in COCO.

    Returns:
        NaN without reference boxes; 0 with reference boxes but no detections. NaN bounds for fewer than two patients.
        Samples without reference boxes are left out.
    """
    n = len(pooled.images)
    (values,) = _weighted(pooled, np.ones((1, n)))
    bounds = np.full((2, len(values)), np.nan)
    if n > 1 and pooled.references.any():
        counts = _draw_counts(np.random.default_rng(SEED), draws, n)
        parts = np.array_split(counts, 1 + draws * len(pooled.scores) // AT_ONCE)
        samples = np.concatenate([_weighted(pooled, part) for part in parts])
        if len(defined := samples[~np.isnan(samples[:, 0])]):
            bounds = np.percentile(defined, BOUNDS, axis=0)
    return [Estimate(*map(float, estimate)) for estimate in zip(values, *bounds, strict=True)]


def _draw_counts(rng: np.random.Generator, samples: int, n: int) -> np.ndarray:
    """(samples, n): how often each of n patients is in a sample of n drawn with replacement."""
    flat = rng.integers(n, size=(samples, n)) + n * np.arange(samples)[:, None]
    return np.bincount(flat.ravel(), minlength=samples * n).reshape(samples, n).astype(float)


def _weighted(pooled: Pooled, counts: np.ndarray) -> np.ndarray:
    """AP50 and sensitivities, (B, 1 + rates), with each patient counted `counts` (B, P) times."""
    order = np.argsort(-pooled.scores, kind="stable")
    hits, times = pooled.hits[order], counts[:, pooled.patients[order]]
    true, false = np.cumsum(times * hits, axis=1), np.cumsum(times * ~hits, axis=1)
    references, images = counts @ pooled.references, counts @ pooled.images
    with np.errstate(invalid="ignore"):
        recall = true / references[:, None]
    precision = true / (true + false + np.spacing(1))
    highest = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    highest = np.pad(highest, ((0, 0), (0, 1)))  # for recalls that are not reached
    found = np.pad(true, ((0, 0), (1, 0)))
    values = np.full((len(counts), 1 + len(RATES)), np.nan)
    for i in np.flatnonzero(references):
        allowed = [np.searchsorted(false[i], rate * images[i], side="right") for rate in RATES]
        values[i, 0] = highest[i, np.searchsorted(recall[i], RECALLS)].mean()
        values[i, 1:] = found[i, allowed] / references[i]
    return values

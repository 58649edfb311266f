"""pycocotools on 2D and 3D boxes."""

import contextlib
import io

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from nnunet_slice_attention.evaluation.detection import RATES

EVERY = 10_000  # more detections than any image here has


class VolumeEval(COCOeval):
    """pycocotools, except that the IoU is that of 3D boxes, by counting voxels."""

    def computeIoU(self, image, category):  # noqa: N802
        detections = sorted(self._dts[image, category], key=lambda found: -found["score"])  # stable
        drawn, references = draw(detections), draw(self._gts[image, category])
        intersection = drawn @ references.T
        return intersection / (drawn.sum(1)[:, None] + references.sum(1) - intersection)


def draw(found):
    """Annotations as masks in a volume of 24 voxels along each axis, flat."""
    masks = np.zeros((len(found), 24, 24, 24), np.float32)
    for mask, annotation in zip(masks, found, strict=True):
        mask[tuple(slice(*axis) for axis in annotation["box"])] = 1
    return masks.reshape(len(found), 24**3)


def coco_metrics(images):
    """AP50 and the sensitivities of [(boxes, scores, references)], NaN where pycocotools has -1."""
    evaluation = VolumeEval if images[0][0].shape[1] == 3 else COCOeval
    annotations = [
        {"image_id": i, "box": box.tolist(), "score": score, "reference": score is None}
        for i, (boxes, scores, references) in enumerate(images)
        for box, score in [*((r, None) for r in references), *zip(boxes, scores, strict=True)]
    ]
    for number, found in enumerate(annotations, 1):
        (y, y_end), (x, x_end) = found["box"][-2:]
        box = {"bbox": [x, y, x_end - x, y_end - y], "area": (y_end - y) * (x_end - x)}
        found |= box | {"id": number, "category_id": 1, "iscrowd": 0}
    with contextlib.redirect_stdout(io.StringIO()):
        sets = [COCO(), COCO()]
        for dataset, kind in zip(sets, (True, False), strict=True):
            dataset.dataset = {
                "images": [{"id": i} for i in range(len(images))],
                "categories": [{"id": 1}],
                "annotations": [found for found in annotations if found["reference"] == kind],
            }
            dataset.createIndex()
        coco = evaluation(*sets, "bbox")
        coco.params.iouThrs, coco.params.maxDets = np.array([0.5]), [EVERY]
        coco.params.areaRng, coco.params.areaRngLbl = [[0, 1e10]], ["all"]
        coco.evaluate()
        coco.accumulate()
    precision = coco.eval["precision"].ravel()
    if precision[0] == -1:
        return [np.nan] * (1 + len(RATES))
    of_images = [found for found in coco.evalImgs if found is not None]
    scores = np.concatenate([found["dtScores"] for found in of_images])
    hits = np.concatenate([found["dtMatches"][0] > 0 for found in of_images])
    references = sum(len(found["gtIds"]) for found in of_images)
    accepted = hits[np.argsort(-scores, kind="mergesort")]
    sensitivities = []
    for rate in RATES:
        prefixes = (accepted[:n] for n in range(len(accepted) + 1))
        sensitivities.append(max(p.sum() for p in prefixes if (~p).sum() <= rate * len(images)) / references)
    return [precision.mean(), *sensitivities]

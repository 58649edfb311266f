"""The table "Detection": boxes of components, counted as in object detection."""

from collections.abc import Mapping, Sequence

from ..evaluation.detection import DRAWS, IMAGES, MIN_IOU, RATES, Estimate, detection_metrics, pool
from .tables import Table, in_each_folder, number

PREDICT_AGAIN = (
    "predict again with --save_probabilities, or validate again with nnUNetv2_train ... --val --npz"
)


def detection_table(cases: Sequence[Mapping], left_out: Sequence[str]) -> Table:
    """From the boxes of every case with model, structure, patient and `slices`; no rows without cases.

    Args:
        cases: see `pool`.
        left_out: models without scores for their boxes, and why.
    """
    groups: dict[tuple[str, str], list[Mapping]] = {}
    for case in cases:
        groups.setdefault((case["structure"], case["model"]), []).append(case)
    rows = []
    for (structure, model), own in groups.items():
        for images in IMAGES:
            pooled = pool(own, images)
            rows.append(
                (
                    structure,
                    model,
                    images,
                    str(pooled.images.sum()),
                    str(pooled.references.sum()),
                    str(len(pooled.scores)),
                    *map(_with_interval, detection_metrics(pooled)),
                )
            )
    columns = (
        "structure", "model", "images", "n", "reference boxes", "predicted boxes", "AP50",
        *(f"sensitivity at {rate:g} FP per image" for rate in RATES),
    )  # fmt: skip
    patients, folders = len({case["patient"] for case in cases}), len({case.get("run") for case in cases})
    note = (
        "Boxes of connected components, of whole volumes (3D) and of each slice (2D); their score is the highest "
        "probability of the structure in the component. A predicted box matches a reference box from an IoU of "
        f"{MIN_IOU:g}, each reference box once, in descending order of scores. AP50: area under the curve of precision "
        "against recall, at COCO's 101 recalls. FP: false positives. Pooled over all n images (slices without the "
        f"structure included) of {patients} patients{in_each_folder(folders)}; in brackets the 95 % interval of a "
        f"bootstrap over patients ({DRAWS} draws). n/a: no reference boxes; for an interval, fewer than two patients."
    )
    if left_out:
        note += f" Not in this table: {'; '.join(left_out)}. For their scores, {PREDICT_AGAIN}."
    return Table("Detection", columns, tuple(rows), note)


def _with_interval(estimate: Estimate) -> str:
    value, low, high = (number(figure, ".3f") for figure in estimate)
    return value if value == "n/a" else f"{value} [{low}, {high}]" if low != "n/a" else f"{value} [n/a]"

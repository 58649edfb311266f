"""How well one structure of one volume was segmented, with the empty cases settled once for all figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .surface_distance import surface_distances

Presence = Literal["found", "missed", "hallucinated", "absent"]


@dataclass(frozen=True)
class StructureMetrics:
    """Figures of one structure.

    Absent (in neither the truth nor the prediction): all NaN, "not applicable". Missed or hallucinated (in one of the
    two): the worst value, i.e. 0, and the volume's diagonal as distance. So no failure falls out of a mean.

    Attributes:
        presence: found (in both), missed, hallucinated or absent.
        dice, jaccard, precision, recall: 0 to 1.
        hd, hd95: Hausdorff distance and the larger of its two directed 95th percentiles, in mm.
        nsd: normalised surface distance, 0 to 1, at the tolerance asked for.
        volume_error_ml: predicted minus true volume.
        true_volume_ml: the truth's.
    """

    presence: Presence
    dice: float
    jaccard: float
    precision: float
    recall: float
    hd: float
    hd95: float
    nsd: float
    volume_error_ml: float
    true_volume_ml: float


def structure_metrics(
    truth: np.ndarray, prediction: np.ndarray, spacing: Sequence[float], tolerance: float
) -> StructureMetrics:
    """Compare two masks (S, H, W) of bool.

    Args:
        spacing: of the three axes, in mm.
        tolerance: of the normalised surface distance, in mm.

    Raises:
        ValueError: different shapes, not three axes, or a spacing that is not positive.
    """
    if truth.shape != prediction.shape:
        raise ValueError(f"truth of shape {truth.shape}, prediction of shape {prediction.shape}.")
    ml = float(np.prod(spacing)) / 1000
    n_truth, n_prediction = int(truth.sum()), int(prediction.sum())
    volumes = {"volume_error_ml": (n_prediction - n_truth) * ml, "true_volume_ml": n_truth * ml}
    if not n_truth and not n_prediction:
        nan = float("nan")
        return StructureMetrics("absent", *[nan] * 7, **volumes | {"volume_error_ml": nan})
    if not n_truth or not n_prediction:
        diagonal = float(np.linalg.norm(np.multiply(truth.shape, spacing)))
        presence = "missed" if n_truth else "hallucinated"
        return StructureMetrics(presence, 0.0, 0.0, 0.0, 0.0, diagonal, diagonal, 0.0, **volumes)
    both = int((truth & prediction).sum())
    distances = surface_distances(truth, prediction, spacing)
    return StructureMetrics(
        "found",
        dice=2 * both / (n_truth + n_prediction),
        jaccard=both / (n_truth + n_prediction - both),
        precision=both / n_prediction,
        recall=both / n_truth,
        hd=distances.hausdorff(),
        hd95=distances.hausdorff(95),
        nsd=distances.within(tolerance),
        **volumes,
    )

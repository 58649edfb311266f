"""How well one structure of one volume was segmented: every metric is one row of `METRICS`.

The case table has a column for each, and the report's tables show those that say so. The empty cases are settled once:
absent (in neither the truth nor the prediction) is NaN, not applicable; missed or hallucinated (in one of the two) is
the metric's worst value. So no failure drops out of a mean.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from .surface_distance import SurfaceDistances, surface_distances

Presence = Literal["found", "missed", "hallucinated", "absent"]
FARTHEST = "diagonal"  # a distance at its worst: the volume's diagonal, in mm
EVEN_IF_EMPTY = "computed"


@dataclass(frozen=True)
class Masks:
    """Truth and prediction of one structure, (S, H, W) of bool; spacing and tolerance in mm."""

    truth: np.ndarray
    prediction: np.ndarray
    spacing: Sequence[float]
    tolerance: float

    @cached_property
    def n_truth(self) -> int:
        return int(self.truth.sum())

    @cached_property
    def n_prediction(self) -> int:
        return int(self.prediction.sum())

    @cached_property
    def both(self) -> int:
        return int((self.truth & self.prediction).sum())

    @cached_property
    def distances(self) -> SurfaceDistances:
        return surface_distances(self.truth, self.prediction, self.spacing)

    @property
    def voxel_ml(self) -> float:
        return float(np.prod(self.spacing)) / 1000

    @property
    def diagonal(self) -> float:
        return float(np.linalg.norm(np.multiply(self.truth.shape, self.spacing)))

    @property
    def presence(self) -> Presence:
        if self.n_truth and self.n_prediction:
            return "found"
        return "missed" if self.n_truth else "hallucinated" if self.n_prediction else "absent"


@dataclass(frozen=True)
class Metric:
    """One row.

    Attributes:
        label: in tables; `{tolerance}` stands for that of surface distances, in mm.
        compute: from masks that are both not empty.
        worst: where one of the two is empty: a value, or `FARTHEST`, or `EVEN_IF_EMPTY`.
        best: of a structure that is rightly left out, when the other model of a pair hallucinates it.
        unit: "" for a share.
        digits: decimals in tables.
        place: among the columns of the accuracy table; 0 leaves it out.
        paired: whether its paired differences are tabulated.
    """

    label: str
    compute: Callable[[Masks], float]
    worst: float | str = 0.0
    best: float = 1.0
    unit: str = ""
    digits: int = 3
    place: int = 0
    paired: bool = False

    def heading(self, tolerance: float) -> str:
        """E.g. "HD95 [mm]"."""
        label = self.label.format(tolerance=f"{tolerance:g}")
        return f"{label} [{self.unit}]" if self.unit else label

    def of(self, masks: Masks) -> float:
        if masks.presence == "absent":
            return float("nan")
        if masks.presence == "found" or self.worst == EVEN_IF_EMPTY:
            return self.compute(masks)
        return masks.diagonal if self.worst == FARTHEST else self.worst


METRICS: dict[str, Metric] = {
    "dice": Metric("Dice", lambda m: 2 * m.both / (m.n_truth + m.n_prediction), place=1, paired=True),
    "jaccard": Metric("Jaccard", lambda m: m.both / (m.n_truth + m.n_prediction - m.both)),
    "precision": Metric("precision", lambda m: m.both / m.n_prediction),
    "recall": Metric("recall", lambda m: m.both / m.n_truth),
    "hd": Metric("HD", lambda m: m.distances.hausdorff(), FARTHEST, 0.0, "mm", 1, place=4),
    # The larger of the two directed 95th percentiles.
    "hd95": Metric("HD95", lambda m: m.distances.hausdorff(95), FARTHEST, 0.0, "mm", 1, place=3, paired=True),
    "nsd": Metric("NSD at {tolerance} mm", lambda m: m.distances.within(m.tolerance), place=2, paired=True),
    # Predicted minus true.
    "volume_error_ml": Metric(
        "volume error",
        lambda m: (m.n_prediction - m.n_truth) * m.voxel_ml,
        EVEN_IF_EMPTY,
        0.0,
        "ml",
        1,
        place=5,
    ),
}
TABULATED = sorted((name for name in METRICS if METRICS[name].place), key=lambda name: METRICS[name].place)
PAIRED = [name for name in TABULATED if METRICS[name].paired]


def structure_metrics(
    truth: np.ndarray, prediction: np.ndarray, spacing: Sequence[float], tolerance: float
) -> dict[str, Presence | float]:
    """`presence` ("found", "missed", "hallucinated" or "absent"), every one of `METRICS`, and `true_volume_ml`.

    Args:
        truth, prediction: masks (S, H, W) of bool.
        spacing: of the three axes, in mm.
        tolerance: of the normalised surface distance, in mm.

    Raises:
        ValueError: different shapes, not three axes, or a spacing that is not positive.
    """
    if truth.shape != prediction.shape:
        raise ValueError(f"truth of shape {truth.shape}, prediction of shape {prediction.shape}.")
    masks = Masks(truth, prediction, spacing, tolerance)
    values = {name: metric.of(masks) for name, metric in METRICS.items()}
    return {"presence": masks.presence, **values, "true_volume_ml": masks.n_truth * masks.voxel_ml}

"""How well one structure of one volume was segmented: every metric is one row of `METRICS`.

The case table has a column for every metric; the report's tables show those whose row says so. Empty masks are handled
here, for all metrics alike: absent (in neither ground truth nor prediction) is NaN, not applicable; missed or
hallucinated (in only one of the two) gets the metric's worst value, so that no failure drops out of a mean.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from .surface_distance import SurfaceDistances, surface_distances

FOREGROUND = "foreground (all classes)"  # a structure of its own where there are several classes
Presence = Literal["found", "missed", "hallucinated", "absent"]
DIAGONAL = "the volume's diagonal"  # worst value of a distance, in mm
COMPUTED = "computed"  # no worst value: defined for one empty mask


@dataclass(frozen=True)
class Masks:
    """Ground truth and prediction of one structure, bool (S, H, W); spacing and tolerance in mm."""

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
    def intersection(self) -> int:
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
    """One row of `METRICS`.

    Attributes:
        label: in tables; `{tolerance}` is replaced by the NSD tolerance in mm.
        compute: its value, if neither mask is empty.
        worst: its value if exactly one mask is empty: a number, `DIAGONAL` or `COMPUTED`.
        best: its value for a correctly empty prediction, paired with a model that hallucinates the structure.
        unit: "" if dimensionless.
        digits: decimals in tables.
        column: position in the accuracy table; 0 leaves it out.
        paired: whether the report tabulates paired differences.
    """

    label: str
    compute: Callable[[Masks], float]
    worst: float | str = 0.0
    best: float = 1.0
    unit: str = ""
    digits: int = 3
    column: int = 0
    paired: bool = False

    def heading(self, tolerance: float) -> str:
        """E.g. "HD95 [mm]"."""
        return f"{self.name(tolerance)} [{self.unit}]" if self.unit else self.name(tolerance)

    def name(self, tolerance: float) -> str:
        """E.g. "NSD at 2 mm"."""
        return self.label.format(tolerance=f"{tolerance:g}")

    def reading(self, tolerance: float) -> str:
        """How to read its values, e.g. "NSD at 2 mm: higher is better, 0 if missed or hallucinated"."""
        if self.worst == COMPUTED:
            return f"{self.name(tolerance)}: closer to {self.best:g} is better"
        better = "lower" if self.worst == DIAGONAL or self.worst > self.best else "higher"
        worst = self.worst if self.worst == DIAGONAL else f"{self.worst:g}"
        return f"{self.name(tolerance)}: {better} is better, {worst} if missed or hallucinated"

    def evaluate(self, masks: Masks) -> float:
        """NaN if both masks are empty."""
        if masks.presence == "absent":
            return float("nan")
        if masks.presence == "found" or self.worst == COMPUTED:
            return self.compute(masks)
        return masks.diagonal if self.worst == DIAGONAL else self.worst


METRICS: dict[str, Metric] = {
    "dice": Metric(
        "Dice", lambda m: 2 * m.intersection / (m.n_truth + m.n_prediction), column=1, paired=True
    ),
    "jaccard": Metric("Jaccard", lambda m: m.intersection / (m.n_truth + m.n_prediction - m.intersection)),
    "precision": Metric("precision", lambda m: m.intersection / m.n_prediction),
    "recall": Metric("recall", lambda m: m.intersection / m.n_truth),
    "hd": Metric("HD", lambda m: m.distances.hausdorff(), DIAGONAL, 0.0, "mm", 1, column=4),
    # Maximum of the two directed 95th percentiles.
    "hd95": Metric(
        "HD95", lambda m: m.distances.hausdorff(95), DIAGONAL, 0.0, "mm", 1, column=3, paired=True
    ),
    "nsd": Metric("NSD at {tolerance} mm", lambda m: m.distances.within(m.tolerance), column=2, paired=True),
    # Predicted minus true volume.
    "volume_error_ml": Metric(
        "volume error",
        lambda m: (m.n_prediction - m.n_truth) * m.voxel_ml,
        COMPUTED,
        0.0,
        "ml",
        1,
        column=5,
    ),
}
TABULATED = sorted((name for name in METRICS if METRICS[name].column), key=lambda name: METRICS[name].column)
PAIRED = [name for name in TABULATED if METRICS[name].paired]


def structure_metrics(
    truth: np.ndarray, prediction: np.ndarray, spacing: Sequence[float], tolerance: float
) -> dict[str, Presence | float]:
    """`presence` ("found", "missed", "hallucinated" or "absent"), all of `METRICS`, and `true_volume_ml`.

    Args:
        truth, prediction: masks, bool (S, H, W).
        spacing: in mm, (S, H, W).
        tolerance: for the normalised surface distance, in mm.

    Raises:
        ValueError: different shapes, not three axes, or a spacing that is not positive.
    """
    if truth.shape != prediction.shape:
        raise ValueError(
            f"the ground truth has shape {truth.shape}, the prediction {prediction.shape}. Compare masks of one image."
        )
    masks = Masks(truth, prediction, spacing, tolerance)
    values = {name: metric.evaluate(masks) for name, metric in METRICS.items()}
    return {"presence": masks.presence, **values, "true_volume_ml": masks.n_truth * masks.voxel_ml}

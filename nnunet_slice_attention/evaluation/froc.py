"""Free-response ROC: lesion sensitivity against false positives per volume, over all probability thresholds.

Bunch et al., *A free-response approach to the measurement and characterization of radiographic-observer performance*,
J. Appl. Photogr. Eng. 4:166-171, 1978.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from .lesions import match_lesions

THRESHOLDS = tuple(np.round(np.arange(0.05, 1, 0.05), 2))
RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  # false positives per volume


def froc_counts(
    truth: np.ndarray,
    probability: np.ndarray,
    spacing: Sequence[float],
    thresholds: Sequence[float] = THRESHOLDS,
) -> list[dict]:
    """Lesion counts of one volume at each threshold, as dicts of "threshold", "lesions", "found", "false_positives".

    Args:
        truth: ground-truth mask, bool (S, H, W).
        probability: of the structure, float (S, H, W).
        spacing: in mm, (S, H, W).

    Raises:
        ValueError: different shapes.
    """
    if truth.shape != probability.shape:
        raise ValueError(
            f"probabilities have shape {probability.shape}, the ground truth {truth.shape}. Predict this case again."
        )
    counts = []
    for threshold in thresholds:
        match = match_lesions(truth, probability >= threshold, spacing)
        found = sum(lesion.found for lesion in match.lesions)
        row = {"threshold": float(threshold), "lesions": len(match.lesions), "found": found}
        counts.append(row | {"false_positives": match.false_positives})
    return counts


def sensitivity_at(counts: Sequence[Mapping], rates: Sequence[float] = RATES) -> list[float]:
    """Highest sensitivity at no more than each of `rates` false positives per volume, pooled over volumes.

    Args:
        counts: of all volumes, see `froc_counts`.

    Returns:
        one value per rate; 0 where every threshold has more false positives, NaN if there are no lesions.
    """
    points = []
    for threshold in sorted({count["threshold"] for count in counts}):
        own = [count for count in counts if count["threshold"] == threshold]
        lesions = sum(count["lesions"] for count in own)
        sensitivity = sum(count["found"] for count in own) / lesions if lesions else float("nan")
        points.append((sum(count["false_positives"] for count in own) / len(own), sensitivity))
    if any(np.isnan(sensitivity) for _, sensitivity in points):
        return [float("nan")] * len(rates)
    return [max((s for fp, s in points if fp <= rate), default=0.0) for rate in rates]

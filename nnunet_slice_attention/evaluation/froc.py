"""Free-response ROC: how many lesions are found at how many false positives a volume, over all thresholds.

Bunch et al., *A free-response approach to the measurement and characterization of radiographic-observer performance*,
J. Appl. Photogr. Eng. 4:166-171, 1978.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from .lesions import match_lesions

THRESHOLDS = tuple(np.round(np.arange(0.05, 1, 0.05), 2))
RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  # false positives a volume


def froc_counts(
    truth: np.ndarray,
    probability: np.ndarray,
    spacing: Sequence[float],
    thresholds: Sequence[float] = THRESHOLDS,
) -> list[dict]:
    """For each threshold what it finds: {"threshold", "lesions", "found", "false_positives"} of one volume.

    Args:
        truth: (S, H, W) of bool.
        probability: (S, H, W), of the structure.
        spacing: in mm.
    """
    if truth.shape != probability.shape:
        raise ValueError(f"probabilities of shape {probability.shape}, truth of shape {truth.shape}.")
    counts = []
    for threshold in thresholds:
        match = match_lesions(truth, probability >= threshold, spacing)
        found = sum(lesion.found for lesion in match.lesions)
        of_threshold = {"threshold": float(threshold), "lesions": len(match.lesions), "found": found}
        counts.append(of_threshold | {"false_positives": match.false_positives})
    return counts


def sensitivity_at(counts: Sequence[Mapping], rates: Sequence[float] = RATES) -> list[float]:
    """Highest sensitivity at no more than each of `rates` false positives a volume, over the volumes together.

    Args:
        counts: of all volumes, see `froc_counts`.

    Returns:
        one figure a rate: 0 where every threshold makes more false positives; NaN without a lesion.
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

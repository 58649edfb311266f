"""A case that a report shows; its volumes are read when they are drawn, so that few cases at a time are in memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Volumes:
    """Of one case: volumes (S, H, W), spacing (S, H, W) in mm.

    Attributes:
        image: intensities of the first channel.
        truth: ground truth labels.
        predictions: labels by model.
    """

    image: np.ndarray
    truth: np.ndarray
    predictions: Mapping[str, np.ndarray]
    spacing: tuple[float, float, float]


@dataclass(frozen=True)
class ShownCase:
    """What it is shown for, and how its volumes are read.

    Attributes:
        case: its name.
        models: that have a prediction of it.
        read: the volumes, with the predictions of these models.
        run: that the predictions are from; empty if there is one.
        extremes: by model, which of its differences to the baseline this case is ("highest", "median", "lowest"), and
            that difference in Dice.
        widest: two models whose Dice differs most here among all cases, and the difference.
        read_weights: attention weights of the slice at each offset, uint8 (S, H, W) in per cent, by model; none for a
            model whose prediction has not written them.
    """

    case: str
    models: Sequence[str]
    read: Callable[[Sequence[str]], Volumes]
    run: str = ""
    extremes: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    widest: tuple[str, str, float] | None = None
    read_weights: Callable[[], Mapping[str, Mapping[int, np.ndarray]]] = dict

    def title(self, short: Mapping[str, str]) -> str:
        """E.g. "case_07: highest of CSANet (+0.031 Dice)"; `short` gives the models' short names."""
        reasons = [f"{kind} of {short[model]} ({d:+.3f} Dice)" for model, (kind, d) in self.extremes.items()]
        if self.widest:
            one, other, difference = self.widest
            reasons.append(f"{short[one]} and {short[other]} differ most ({difference:.3f} Dice)")
        name = f"{self.case}, {self.run}" if self.run else self.case
        return f"{name}: {'; '.join(reasons)}" if reasons else name

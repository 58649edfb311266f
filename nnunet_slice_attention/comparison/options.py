"""The options of a comparison."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """How to compare.

    Attributes:
        baseline: name of the model that the others are compared with.
        tolerance: for the normalised surface distance, in mm.
        lesion_sizes: diameters in mm that separate small, medium and large; None skips lesion-wise evaluation.
        boxes: evaluate detection by boxes, for models with probabilities.
        ensembles: evaluate all pairs of models that have probabilities in every run.
        processes: number of cases evaluated in parallel.
        title: of the report.
        group: the rule that maps cases to patients, see `group_by`; None if every case counts as a patient.
        cost: `cost.csv` of the command `cost`, to plot accuracy against cost.
    """

    baseline: str
    tolerance: float = 2.0
    lesion_sizes: tuple[float, float] | None = None
    boxes: bool = False
    ensembles: bool = True
    processes: int = 2
    title: str = "Comparison"
    group: str | None = None
    cost: Path | None = None

"""The options of a comparison."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """How to compare.

    Attributes:
        reference: name of the model that the others are compared with.
        tolerance: of the normalised surface distance, in mm.
        lesion_sizes: diameters in mm between small, medium and large lesions; None leaves lesions out.
        ensembles: evaluate every pair of models that has probabilities in every run.
        processes: cases evaluated at a time.
        title: of the report.
        group: the rule that maps cases to patients, for the record; None if every case counts as a patient.
        cost: `cost.csv` of the verb `cost`, to set accuracy against cost.
    """

    reference: str
    tolerance: float = 2.0
    lesion_sizes: tuple[float, float] | None = None
    ensembles: bool = True
    processes: int = 2
    title: str = "Comparison"
    group: str | None = None
    cost: Path | None = None

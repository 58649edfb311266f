"""Coverage of the interval over runs and patients, and false positive rate of the t-test.

    python simulate.py          # writes designs.csv next to this file; about two minutes

Draws differences between two models without a true difference: an effect of the run, one of the patient (shared by
the runs of a fold), and one of both, each normal. For each experiment `compare_runs` gives an interval and a p-value.
"""

import csv
from pathlib import Path

import numpy as np

from nnunet_slice_attention.evaluation.runs import compare_runs

HERE = Path(__file__).parent
EXPERIMENTS, PATIENTS = 2000, 52
SD_RUN, SD_PATIENT, SD_BOTH = 0.0075, 0.013, 0.008  # SD, Dice; 0.015 between the patients of one run
DESIGNS = ((1, 2), (1, 3), (1, 5), (1, 10), (5, 1), (5, 3))  # (folds, seeds)


def main() -> None:
    rows = [("folds", "seeds", "held", "significant")]
    for folds, seeds in DESIGNS:
        covered, significant = study(folds, seeds)
        rows.append((folds, seeds, covered, significant))
        print(rows[-1], flush=True)
    with (HERE / "designs.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def study(folds: int, seeds: int) -> tuple[float, float]:
    """(Fraction of experiments whose interval contains 0, fraction with p below 0.05)."""
    rng = np.random.default_rng(7)
    covered = significant = 0
    for _ in range(EXPERIMENTS):
        deltas = (
            rng.normal(0, SD_RUN, (folds, seeds, 1))
            + rng.normal(0, SD_PATIENT, (folds, 1, PATIENTS))
            + rng.normal(0, SD_BOTH, (folds, seeds, PATIENTS))
        )
        other = {
            f"fold {f}, seed {s}": {f"patient {f} {i}": deltas[f, s, i] for i in range(PATIENTS)}
            for f in range(folds)
            for s in range(seeds)
        }
        found = compare_runs({run: dict.fromkeys(patients, 0.0) for run, patients in other.items()}, other)
        covered += found.difference.low <= 0 <= found.difference.high
        significant += found.p < 0.05
    return covered / EXPERIMENTS, significant / EXPERIMENTS


if __name__ == "__main__":
    main()

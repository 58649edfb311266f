"""Does the interval over runs and patients hold the truth, and how often is a difference called where there is none?

    python simulate.py          # writes designs.csv beside this file; about two minutes

Draws differences between two models without a true one: of a run, of a patient (shared by the runs of a fold), and of
the two together, each normal. For each experiment `compare` says an interval and a p-value. For comparison the p-value
that inverting the interval would give: below 0.05 where the interval leaves out 0.
"""

import csv
from pathlib import Path

import numpy as np

from nnunet_slice_attention.evaluation.runs import compare_runs

HERE = Path(__file__).parent
EXPERIMENTS, DRAWS, PATIENTS = 2000, 2000, 52
OF_RUN, OF_PATIENT, OF_BOTH = 0.0075, 0.013, 0.008  # SD, Dice; 0.015 between the patients of one run
DESIGNS = ((1, 2), (1, 3), (1, 5), (1, 10), (5, 1), (5, 3))  # (folds, seeds)


def main() -> None:
    rows = [("folds", "seeds", "held", "significant")]
    for folds, seeds in DESIGNS:
        held, significant = study(folds, seeds)
        rows.append((folds, seeds, held, significant))
        print(rows[-1], flush=True)
    with (HERE / "designs.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def study(folds: int, seeds: int) -> tuple[float, float]:
    """(Share of experiments whose interval holds 0, share with p below 0.05)."""
    rng = np.random.default_rng(7)
    held = significant = 0
    for _ in range(EXPERIMENTS):
        deltas = (
            rng.normal(0, OF_RUN, (folds, seeds, 1))
            + rng.normal(0, OF_PATIENT, (folds, 1, PATIENTS))
            + rng.normal(0, OF_BOTH, (folds, seeds, PATIENTS))
        )
        other = {
            f"fold {f}, seed {s}": {f"patient {f} {i}": deltas[f, s, i] for i in range(PATIENTS)}
            for f in range(folds)
            for s in range(seeds)
        }
        found = compare_runs({run: dict.fromkeys(of, 0.0) for run, of in other.items()}, other, draws=DRAWS)
        held += found.difference.low <= 0 <= found.difference.high
        significant += found.p < 0.05
    return held / EXPERIMENTS, significant / EXPERIMENTS


if __name__ == "__main__":
    main()

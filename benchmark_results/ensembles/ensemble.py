"""Averages the probabilities of pairs of models with nnU-Net's own command, and evaluates the segmentations.

    python ensemble.py OUTPUT

The members, listed in `runs.csv`, have been predicted before. Those of a pair are from different seeds, each seed in
two pairs: the same seed of two trainers is more alike, because it draws the same first weights and batches.
"""

import subprocess
import sys
from itertools import combinations_with_replacement
from pathlib import Path

from experiments.collectors import compare_command
from experiments.run_list import read_runs
from experiments.stages import prediction_folder

HERE = Path(__file__).parent
WAY = "probabilities"
AND = " and "  # "+" is reserved for ensembles that `compare` makes


def members(name: str) -> tuple[str, str]:
    """("2d and attention", "0 and 1") of "2d 0 and attention 1"."""
    arms, seeds = zip(*(member.rsplit(" ", 1) for member in name.split(AND)), strict=True)
    return AND.join(arms), AND.join(seeds)


def main() -> None:
    out = Path(sys.argv[1])
    folders = {(run.name, run.seed): prediction_folder(HERE, run) for run in read_runs(HERE / "runs.csv")}
    arms, seeds = (sorted({key[i] for key in folders}) for i in (0, 1))
    made = {}
    for first, second in zip(seeds, [*seeds[1:], seeds[0]], strict=True):
        for a, b in combinations_with_replacement(arms, 2):
            name = f"{a} {first}{AND}{b} {second}"
            pair = [folders[member] / WAY for member in ((a, first), (b, second))]
            made[name] = out / name
            subprocess.run(["nnUNetv2_ensemble", "-i", *pair, "-o", made[name], "-np", "1"], check=True)
    labels = next(iter(folders.values())) / "labels"
    subprocess.run(compare_command(made, labels, out / "compared"), check=True)


if __name__ == "__main__":
    main()

"""Rows of `runs.csv` for arms that all train as long as nnU-Net 2D does in a number of iterations.

    python plan_runs.py arms.csv --steps steps_514.csv --iterations 6250 --dataset 514 --plans PLANS --fold 0 --seeds 0

All arms have the same number of epochs, and each epoch the same process time: 2D's iterations over the cost of a step
(`step_cost.py`, data loading included), in each phase of the trainer. Prints the rows, or adds them to a table.
"""

import argparse
import csv
import sys
from pathlib import Path
from statistics import median

from step_cost import loaded_ratios

COLUMNS = (
    "name", "dataset", "plans", "configuration", "trainer", "fold", "seed", "epochs", "iterations",
    "iterations_later", "after",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("arms", type=Path, help="table of name and trainer")
    parser.add_argument("--steps", type=Path, required=True, help="what step_cost.py wrote for the data set")
    parser.add_argument("--iterations", type=int, required=True, help="of nnU-Net 2D in the whole training")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--plans", required=True)
    parser.add_argument("--configuration", default="2d")
    parser.add_argument("--fold", type=int, nargs="+", required=True)
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--append", type=Path, metavar="TABLE")
    args = parser.parse_args()
    costs = step_costs(args.steps)
    of_2d = args.iterations / args.epochs
    rows = []
    with args.arms.open(newline="") as file:
        arms = list(csv.DictReader(file))
    for seed in args.seeds:
        for fold in args.fold:
            for arm in arms:
                phases = [round(of_2d / cost) for cost in phases_of(arm["trainer"], costs, args.steps)]
                later = phases[1] if len(phases) == 2 else ""
                of_arm = arm["name"], args.dataset, args.plans, args.configuration, arm["trainer"]
                rows.append((*of_arm, fold, seed, args.epochs, phases[0], later, ""))
    new = args.append is None or not args.append.is_file()
    with args.append.open("a", newline="") if args.append else sys.stdout as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerows([COLUMNS, *rows] if new else rows)


def step_costs(path: Path) -> dict[tuple[str, str], float]:
    """Median over the rounds, see `loaded_ratios`."""
    return {key: median(ratios) for key, ratios in loaded_ratios(path).items()}


def phases_of(trainer: str, costs: dict[tuple[str, str], float], measured: Path) -> list[float]:
    """The cost of a step in each phase, the 2D one first."""
    found = [costs[trainer, p] for p in ("2d", "all", "2D phase", "with neighbours") if (trainer, p) in costs]
    if not found:
        raise SystemExit(f"{measured} has no steps of {trainer}. Measure them with step_cost.py.")
    return found


if __name__ == "__main__":
    main()

"""Process time of a training step, data loading included, in each phase of a trainer, relative to nnU-Net 2D's.

    export nnUNet_raw=... nnUNet_preprocessed=...
    python step_cost.py --dataset 514 --plans nnUNetCompact12Plans --rounds 40 -o steps_514.csv nnUNetTrainerCSANet ...

All trainers take turns in one process with one thread, in a new order each round, and ratios are taken within a round:
a slow spell of the machine affects all of them. CPU seconds (user and system), not wall time. Loading and augmenting a
batch happens in the same process and is timed separately. Prints a table, and writes all times to a CSV file, from
which an experiment's budget derives the iterations per epoch.
"""

import argparse
import csv
import os
import random
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

STOCK = "nnUNetTrainer"
WARM_UP = 3
COLUMNS = ("trainer", "phase", "round", "slices", "load_s", "step_s")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("trainers", nargs="+")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--plans", required=True)
    parser.add_argument(
        "--configuration", default="2d", help="of the trainers; nnU-Net 2D is always the reference"
    )
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument(
        "--bfloat16", action="store_true", help="in mixed precision, as nnU-Net trains on a GPU"
    )
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    os.environ |= {"nnUNet_n_proc_DA": "0", "nnUNet_results": tempfile.mkdtemp()}

    import numpy as np
    import torch

    torch.set_num_threads(1)
    for seed in (torch.manual_seed, np.random.seed, random.seed):
        seed(0)
    steps = {(STOCK, "2d"): make_step(STOCK, None, args, "2d")}
    for trainer in args.trainers:
        for phase in phases(trainer):
            steps[trainer, phase] = make_step(trainer, phase, args, args.configuration)
    rows = []
    for number in range(-WARM_UP, args.rounds):
        for key in random.sample(list(steps), len(steps)):
            slices, load, step = steps[key]()
            if number >= 0:
                rows.append((*key, number, slices, round(load, 5), round(step, 5)))
    with args.output.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([COLUMNS, *rows])
    print(table(rows))


def phases(trainer: str) -> list[str]:
    from nnunet_slice_attention.trainers.find_trainer import find_trainer

    two = getattr(find_trainer(trainer), "begins_in_2d", False)
    return ["2D phase", "with neighbours"] if two else ["all"]


def make_step(name: str, phase: str | None, args: argparse.Namespace, configuration: str):
    """A function that loads a batch, makes a step and returns (slices with a loss, loading seconds, step seconds)."""
    import torch
    from nnunetv2.run.run_training import get_trainer_from_args

    from nnunet_slice_attention.cost.measure_model import slices_with_loss

    trainer = get_trainer_from_args(
        args.dataset, configuration, 0, name, args.plans, device=torch.device("cpu")
    )
    trainer.initialize()
    if phase in ("2D phase", "with neighbours"):
        trainer.enter_phase(in_2d=phase == "2D phase")
    loader, _ = trainer.get_dataloaders()
    trainer.network.train()

    def step() -> tuple[int, float, float]:
        start = time.process_time()
        batch = next(loader)
        loaded = time.process_time()
        with torch.autocast("cpu", torch.bfloat16, enabled=args.bfloat16):
            trainer.train_step(batch)
        return slices_with_loss(batch), loaded - start, time.process_time() - loaded

    return step


def table(rows: list[tuple]) -> str:
    """Medians, and ratios to nnU-Net 2D within a round: their median and the range of the middle 90 %."""
    times = defaultdict(dict)
    for trainer, phase, number, slices, load, step in rows:
        times[trainer, phase][number] = slices, load, step
    reference = times[STOCK, "2d"]
    lines = [
        "| trainer | phase | slices | step, ms | with loading, ms | step, ratio to 2D | with loading, ratio to 2D |",
        "|---|---|---|---|---|---|---|",
    ]
    for (trainer, phase), own in times.items():
        step = [s for _, _, s in own.values()]
        both = [load + s for _, load, s in own.values()]
        alone = [own[n][2] / reference[n][2] for n in own]
        loaded = [sum(own[n][1:]) / sum(reference[n][1:]) for n in own]
        cells = (trainer, phase, str(own[0][0]), f"{1000 * median(step):.1f}", f"{1000 * median(both):.1f}")
        lines.append(f"| {' | '.join((*cells, ratio(alone), ratio(loaded)))} |")
    return "\n".join(lines)


def ratio(values: list[float]) -> str:
    """Median and the middle 90 %."""
    ordered = sorted(values)
    low, high = ordered[round(0.05 * (len(ordered) - 1))], ordered[round(0.95 * (len(ordered) - 1))]
    return f"{median(values):.2f} [{low:.2f}, {high:.2f}]"


if __name__ == "__main__":
    main()

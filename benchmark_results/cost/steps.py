"""Seconds per training step, all models taking turns in one process. Writes `steps.csv` next to this file.

A shared machine has slow spells of a minute or so, which affect one process of the command `cost` and not the next.
Here every model makes a step within a few seconds, in a new order each round, and ratios are taken within a round.
Each model has its own batch, which is already in memory, and no loader runs. Data and plans as in `experiment.py`.
"""

import argparse
import csv
import os
import random
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
PLANS = "nnUNetCompactPlans"
OURS = (
    "CSANet", "CSANet_12blocks", "SAUNet", "SAUNet_ShortSlabs", "TSFMUNet", "TSFMUNet_RepeatCentre", "VAUNet",
    "EarlyFusion", "AxialConv", "SliceUNet",
)  # fmt: skip
MODELS = [
    ("nnUNetTrainer", "2d"),
    *((f"nnUNetTrainer{name}", "2d") for name in OURS),
    ("nnUNetTrainer", "3d_fullres"),
]
WARM_UP = 2


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--rounds", type=int, default=60)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as results:
        os.environ["nnUNet_results"] = results  # a trainer creates its folder when it is built
        steps = {model: make_step(*model, args.device) for model in MODELS}
        rows = []
        for number in range(-WARM_UP, args.rounds):
            for model in random.sample(MODELS, len(MODELS)):
                seconds, slices = steps[model]()
                if number >= 0:
                    rows.append([*model, number, slices, round(seconds, 5)])
            print(f"round {number + 1} of {args.rounds}", flush=True)
    with (HERE / "steps.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["trainer", "configuration", "round", "slices", "seconds"])
        writer.writerows(rows)


def make_step(name: str, configuration: str, device_name: str):
    """A function that makes one training step and returns (seconds, slices with a loss)."""
    import torch
    from nnunetv2.run.run_training import get_trainer_from_args

    from nnunet_slice_attention.cost.measure_model import slices_with_loss

    device = torch.device(device_name)
    trainer = get_trainer_from_args("27", configuration, 0, name, PLANS, device=device)
    trainer.initialize()
    loaders = trainer.get_dataloaders()
    batch = next(loaders[0])
    for loader in loaders:
        if hasattr(loader, "_finish"):
            loader._finish()
    trainer.network.train()
    slices = slices_with_loss(batch)

    def step() -> tuple[float, int]:
        start = time.perf_counter()
        trainer.train_step(batch)
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start, slices

    return step


if __name__ == "__main__":
    main()

"""Multiply-adds per slice, encoded once or with its neighbours encoded again. Writes `macs.csv`: python macs.py

The ratio of the two is what a predictor can gain by encoding each slice once: with re-encoding, too, only the slice
itself is decoded. Data and plans as in `run.py`; counted, not measured, so the result is the same on any machine.
"""

import csv
import os
import tempfile
from pathlib import Path

from run import MODELS, PLANS

HERE = Path(__file__).parent


def main() -> None:
    with tempfile.TemporaryDirectory() as results:
        os.environ["nnUNet_results"] = results  # a trainer creates its folder when it is built
        rows = [(name, *macs(name)) for name, configuration in MODELS if configuration == "2d"]
    with (HERE / "macs.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["trainer", "slices_seen", "gmac_once", "gmac_re_encoding"])
        writer.writerows(row for row in rows if row[1])


def macs(name: str) -> tuple[int, float, float]:
    """(Slices that one output slice sees, GMAC per slice encoded once, GMAC re-encoding); zeros for a stock network."""
    import torch
    from nnunetv2.run.run_training import get_trainer_from_args

    from nnunet_slice_attention.cost.measure_model import forward_macs
    from nnunet_slice_attention.networks import SlabNetwork

    trainer = get_trainer_from_args("27", "2d", 0, name, PLANS, device=torch.device("cpu"))
    trainer.initialize()
    trainer.set_deep_supervision_enabled(False)
    if not isinstance(trainer.network, SlabNetwork):
        return 0, 0.0, 0.0
    depth, (height, width) = 30, trainer.configuration_manager.patch_size[-2:]
    slices = 2 * trainer.network.context_radius + 1
    channels = trainer.num_input_channels
    once = forward_macs(trainer, torch.ones(1, channels, depth, height, width)) / depth
    again = forward_macs(trainer, torch.ones(1, slices * channels, height, width))
    return slices, round(once / 1e9, 4), round(again / 1e9, 4)


if __name__ == "__main__":
    main()

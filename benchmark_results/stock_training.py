"""One training with nnU-Net's own command, resumed where it was cut off."""

import os
import subprocess
from pathlib import Path


def train(dataset: str, trainer: str, plans: str, configuration: str, fold: int, device: str) -> bool:
    """True if the run is complete: trained and validated. A complete run is left alone.

    Args:
        dataset: full name, e.g. Dataset027_ACDC40.
    """
    model = f"{trainer}__{plans}__{configuration}"
    folder = Path(os.environ["nnUNet_results"], dataset, model, f"fold_{fold}")
    if (folder / "validation" / "summary.json").is_file():
        return True
    command = [
        "nnUNetv2_train",
        dataset,
        configuration,
        str(fold),
        "-tr",
        trainer,
        "-p",
        plans,
        "-device",
        device,
    ]
    if (folder / "checkpoint_final.pth").is_file():
        command.append("--val")
    elif (folder / "checkpoint_latest.pth").is_file():
        command.append("--c")
    print(" ".join(command), flush=True)
    return subprocess.run([*command, "--npz"], check=False).returncode == 0

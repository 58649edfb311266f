"""Train on every third slice, test on every second, third, fourth and sixth. Resumable.

    export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=...
    python make_data.py --source FOLDER/Dataset004_Hippocampus
    nnUNetv2_plan_and_preprocess -d 504 -c 2d 3d_fullres
    nnunet-slice-attention plan-compact -d 504
    python run.py --device cpu
    python report.py

Fold 0, 10 epochs of 250 iterations, final checkpoints; the test volumes are of the fold's validation, which decides
nothing in a training. All models predict with `nnUNetv2_predict`, whose defaults mirror.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from make_data import NAME, TESTED

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from stock_training import train  # noqa: E402 - beside this folder

PLANS = "nnUNetCompactPlans"
RAW, RESULTS = Path(os.environ["nnUNet_raw"], NAME), Path(os.environ["nnUNet_results"], NAME)
COMPARISON = RESULTS / "comparison"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda")
    device = parser.parse_args().device
    models = [line.split() for line in (HERE / "models.txt").read_text(encoding="utf-8").splitlines()]
    failed = [
        f"{trainer} {configuration}"
        for trainer, configuration in models
        if not (
            train(NAME, trainer, PLANS, configuration, 0, device) and predict(trainer, configuration, device)
        )
    ]
    for run in failed:
        print(f"FAILED {run}", file=sys.stderr)
    if failed:
        return 1
    check_split()
    folders = [
        f"{trainer}__{PLANS}__{configuration}={output(trainer, configuration)}"
        for trainer, configuration in models
    ]
    command = [
        "nnunet-slice-attention",
        "compare",
        "--predictions",
        *folders,
        "--truth",
        str(RAW / "labelsTs"),
    ]
    command += ["--images", str(RAW / "imagesTs"), "--group", r"(hippocampus_\d+)_", "-o", str(COMPARISON)]
    return subprocess.run([*command, "--title", "Hippocampus: other slice spacings"], check=False).returncode


def output(trainer: str, configuration: str) -> Path:
    return RESULTS / "predicted" / f"{trainer}__{configuration}"


def predict(trainer: str, configuration: str, device: str) -> bool:
    command = ["nnUNetv2_predict", "-i", str(RAW / "imagesTs"), "-o", str(output(trainer, configuration))]
    command += ["-d", NAME, "-c", configuration, "-f", "0", "-tr", trainer, "-p", PLANS, "-device", device]
    return (
        subprocess.run([*command, "--continue_prediction", "-npp", "1", "-nps", "1"], check=False).returncode
        == 0
    )


def check_split() -> None:
    """The tested volumes must be those that fold 0 was not trained on."""
    splits = Path(os.environ["nnUNet_preprocessed"], NAME, "splits_final.json")
    expected = {
        f"{case}_every{k}.nii.gz" for case in json.loads(splits.read_text())[0]["val"] for k in TESTED
    }
    if expected != {path.name for path in (RAW / "labelsTs").iterdir()}:
        raise SystemExit(
            f"{splits} is not nnU-Net's own split: the test volumes were trained on. Delete it and train again."
        )


if __name__ == "__main__":
    sys.exit(main())

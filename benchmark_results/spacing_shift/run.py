"""Train on every third slice, test on every second, third, fourth and sixth. Resumable.

    export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=...
    python make_data.py --source FOLDER/Dataset004_Hippocampus
    nnUNetv2_plan_and_preprocess -d 504 -c 2d 3d_fullres
    nnunet-slice-attention plan-compact -d 504
    python run.py --device cpu
    python report.py

Fold 0, 10 epochs of 250 iterations, final checkpoints, by the verb `crossval`; the test volumes are of the fold's
validation, which decides nothing in a training. All models predict with `nnUNetv2_predict`, whose defaults mirror.
"""

import argparse
import json
import os
import subprocess
from pathlib import Path

from make_data import NAME, TESTED

from nnunet_slice_attention.model_name import ModelName

RAW, RESULTS = Path(os.environ["nnUNet_raw"], NAME), Path(os.environ["nnUNet_results"], NAME)
PLANS = "nnUNetCompactPlans"
NETWORKS = ("CSANet", "SAUNet", "TSFMUNet", "VAUNet")
MODELS = [
    ModelName("nnUNetTrainer_10epochs", PLANS, "2d"),
    ModelName("nnUNetTrainer_10epochs", PLANS, "3d_fullres"),
    *(ModelName(f"nnUNetTrainer{network}_10epochs", PLANS, "2d") for network in NETWORKS),
]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda")
    device = parser.parse_args().device
    models = [str(model) for model in MODELS]
    crossval = ["nnunet-slice-attention", "crossval", "-d", NAME, "-f", "0", "-device", device]
    call([*crossval, "-o", str(RESULTS / "crossval"), "-m", *models])
    check_split()
    for model in MODELS:
        command = ["nnUNetv2_predict", "-d", NAME, "-c", model.configuration, "-f", "0", "-tr", model.trainer]
        command += ["-p", PLANS, "-i", str(RAW / "imagesTs"), "-o", str(output(model)), "-device", device]
        call([*command, "--continue_prediction", "-npp", "1", "-nps", "1"])
    folders = [f"{model}={output(model)}" for model in MODELS]
    compare = [
        "nnunet-slice-attention",
        "compare",
        "--predictions",
        *folders,
        "--truth",
        str(RAW / "labelsTs"),
    ]
    compare += ["--images", str(RAW / "imagesTs"), "--group", r"(hippocampus_\d+)_"]
    call([*compare, "-o", str(RESULTS / "comparison"), "--title", "Hippocampus: other slice spacings"])


def output(model: ModelName) -> Path:
    return RESULTS / "predicted" / str(model)


def call(command: list[str]) -> None:
    print(" ".join(command), flush=True)
    subprocess.run(command, check=True)


def check_split() -> None:
    """The tested volumes must be those that fold 0 was not trained on."""
    splits = Path(os.environ["nnUNet_preprocessed"], NAME, "splits_final.json")
    held_out = json.loads(splits.read_text())[0]["val"]
    expected = {f"{case}_every{k}.nii.gz" for case in held_out for k in TESTED}
    if expected != {path.name for path in (RAW / "labelsTs").iterdir()}:
        raise SystemExit(
            f"{splits} is not nnU-Net's own split: the test volumes were trained on. Delete it and train again."
        )


if __name__ == "__main__":
    main()

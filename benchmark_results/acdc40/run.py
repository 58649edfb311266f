"""Train every model of `models.txt` on the folds of ACDC40 with nnU-Net's own command, then compare. Resumable.

    export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=...
    nnUNetv2_plan_and_preprocess -d 27 -c 2d 3d_fullres   # then copy splits_final.json to its data
    nnunet-slice-attention plan-compact -d 27
    python run.py --folds 0 --device cpu

All models of a fold are trained before the next fold is begun. A finished run is skipped, one that was cut off goes on
from its last checkpoint (`--c`), one that only lacks its validation is validated. 10 epochs of 250 iterations; final
checkpoints; validation with nnU-Net's mirroring. The comparison goes to `fold_...` beside this file.
"""

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from stock_training import train  # noqa: E402 - beside this folder

DATASET, PLANS = "Dataset027_ACDC40", "nnUNetCompactPlans"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    models = [line.split() for line in (HERE / "models.txt").read_text(encoding="utf-8").splitlines()]
    failed = [
        f"{trainer} {configuration} fold {fold}"
        for fold in args.folds
        for trainer, configuration in models
        if not train(DATASET, trainer, PLANS, configuration, fold, args.device)
    ]
    for run in failed:
        print(f"FAILED {run}", file=sys.stderr)
    if failed:
        return 1
    names = [f"{trainer}__{PLANS}__{configuration}" for trainer, configuration in models]
    folds = [str(fold) for fold in args.folds]
    report = HERE / f"fold_{'_'.join(folds)}"
    command = ["nnunet-slice-attention", "compare", "-d", "27", "-m", *names, "-f", *folds, "-o", str(report)]
    title = f"ACDC40, fold {', '.join(folds)}"
    command += ["--group", r"(patient\d+)_", "--title", title, "--no-ensembles"]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

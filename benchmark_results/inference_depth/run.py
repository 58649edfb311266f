"""Time and memory of prediction for volumes of 10 to 400 slices. Writes `depths.csv` next to this file.

    export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=...
    nnUNetv2_plan_and_preprocess -d 27 -c 2d        # then copy splits_final.json into the preprocessed data set
    nnunet-slice-attention plan-compact -d 27
    python run.py --dataset 27 --device cpu

The volume is noise, in plane the size of one patch; no mirroring; the weights are random, which takes the same time.
Each measurement has its own process, so that no memory is left from another, and networks and depths take turns.
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
PLANS = "nnUNetCompactPlans"
TRAINERS = ("nnUNetTrainerCSANet", "nnUNetTrainerSAUNet", "nnUNetTrainerTSFMUNet", "nnUNetTrainerVAUNet")
DEPTHS = (10, 25, 50, 100, 200, 400)
COLUMNS = ["trainer", "depth", "repeat", "seconds", "peak_mb", "volume_mb", "result_mb"]
MB = 1e6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", required=True, help="nnU-Net data set id or name")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    rows = []
    for repeat in range(args.repeats):
        for depth in DEPTHS:
            for trainer in TRAINERS:
                call = f"measure({args.dataset!r}, {trainer!r}, {depth}, {args.device!r})"
                with (
                    tempfile.TemporaryDirectory() as results
                ):  # a trainer creates its folder when it is built
                    out = subprocess.run(
                        [sys.executable, "-c", f"from run import measure; {call}"],
                        cwd=HERE,
                        env=os.environ | {"nnUNet_results": results},
                        stdout=subprocess.PIPE,
                        text=True,
                        check=True,
                    ).stdout
                measured = json.loads(out.splitlines()[-1])
                rows.append({"trainer": trainer, "depth": depth, "repeat": repeat} | measured)
                print(rows[-1], flush=True)
    with (HERE / "depths.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def measure(dataset: str, trainer_name: str, depth: int, device_name: str) -> None:
    """Print time and memory of one prediction as JSON, without the memory that the process held before."""
    import torch
    from nnunetv2.run.run_training import get_trainer_from_args

    from nnunet_slice_attention.inference.predictor import SlabPredictor

    device = torch.device(device_name)
    trainer = get_trainer_from_args(dataset, "2d", 0, trainer_name, PLANS, device=device)
    trainer.initialize()
    trainer.set_deep_supervision_enabled(False)
    plan = trainer.plans_manager.get_configuration("2d")
    predictor = SlabPredictor(device=device, use_mirroring=False, allow_tqdm=False)
    predictor.manual_initialization(
        trainer.network, trainer.plans_manager, plan, None, trainer.dataset_json, "", None
    )
    volume = torch.randn(trainer.num_input_channels, depth, *plan.patch_size[-2:])
    # Warm-up: libraries load and choose their kernels.
    predictor.predict_sliding_window_return_logits(volume[:, :1])
    before = memory(device)
    start = time.perf_counter()
    logits = predictor.predict_sliding_window_return_logits(volume)
    if device.type == "cuda":
        torch.cuda.synchronize()
    seconds = time.perf_counter() - start
    result = {
        "seconds": round(seconds, 3),
        "peak_mb": round((memory(device) - before) / MB, 1),
        "volume_mb": round(volume.nbytes / MB, 1),
        "result_mb": round(logits.nbytes / MB, 1),
    }
    print(json.dumps(result))


def memory(device) -> float:
    """Peak so far, in bytes: torch's on a GPU, the process's on a CPU."""
    if device.type == "cuda":
        import torch

        return torch.cuda.max_memory_allocated()
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()

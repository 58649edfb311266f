#!/usr/bin/env bash
# What the networks cost beside nnU-Net's own, on ACDC40 with compact plans, by the verb `cost`. Resumable.
#
#     export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=...
#     nnUNetv2_plan_and_preprocess -d 27 -c 2d 3d_fullres   # then copy splits_final.json to its data
#     nnunet-slice-attention plan-compact -d 27
#     bash run.sh [DEVICE] [REPEATS]
#
# Writes steps.csv, cost.csv, cost.md, cost.png, cost.json and README.md beside this file. Keep the machine free of other work.
set -euo pipefail
cd "$(dirname "$0")"

models=(nnUNetTrainer__nnUNetCompactPlans__2d)
for network in CSANet SAUNet TSFMUNet VAUNet EarlyFusion AxialConv SliceUNet; do
    models+=("nnUNetTrainer${network}__nnUNetCompactPlans__2d")
done
models+=(nnUNetTrainer__nnUNetCompactPlans__3d_fullres)

nnunet-slice-attention cost -d 27 -device "${1:-cpu}" --repeats "${2:-3}" -o . -m "${models[@]}"
python steps.py --device "${1:-cpu}"
python report.py

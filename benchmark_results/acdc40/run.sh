#!/usr/bin/env bash
# All networks and their controls against nnU-Net 2D and 3D on ACDC40, by the verb `crossval`. Resumable.
#
#     export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=...
#     nnUNetv2_plan_and_preprocess -d 27 -c 2d 3d_fullres   # then copy splits_final.json to its data
#     nnunet-slice-attention plan-compact -d 27
#     bash run.sh DEVICE FOLD...
#
# 10 epochs of 250 iterations, final checkpoints, validation with nnU-Net's mirroring; one fold of all models before the
# next. Writes comparison/ beside this file.
set -euo pipefail

device=$1
shift
models=(nnUNetTrainer_10epochs__nnUNetCompactPlans__2d nnUNetTrainer_10epochs__nnUNetCompactPlans__3d_fullres)
for network in CSANet SAUNet TSFMUNet VAUNet EarlyFusion AxialConv CSANet_RepeatCentre; do
    models+=("nnUNetTrainer${network}_10epochs__nnUNetCompactPlans__2d")
done
nnunet-slice-attention crossval -d 27 -f "$@" -device "$device" --group '(patient\d+)_' --no-ensembles \
    -o "$(dirname "$0")" -m "${models[@]}"

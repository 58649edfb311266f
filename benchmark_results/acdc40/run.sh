#!/usr/bin/env bash
# All networks and their controls against nnU-Net 2D and 3D on ACDC40, on a CPU. Resumable.
#
#     export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=...
#     nnUNetv2_plan_and_preprocess -d 27 -c 2d 3d_fullres   # then copy splits_final.json to its data
#     nnunet-slice-attention plan-compact -d 27
#     bash run.sh SEED...                                   # then: python report.py
#
# Fold 0, 10 epochs of 250 iterations, by ../run.py; every seed's models are compared in its own results folder.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
python "$here/../run.py" --dataset 27 --epochs 10 --seeds "$@" --workers 2 --precision single --trainers "$here/models.txt"

mapfile -t models < "$here/models.txt"
for seed in "$@"; do
    nnUNet_results=$nnUNet_results/seed$seed nnunet-slice-attention compare -d 27 -f 0 --group '(patient\d+)_' \
        --reference nnUNetTrainer_10epochs__nnUNetCompactPlans__2d --no-ensembles -m "${models[@]}" \
        -o "$nnUNet_results/seed$seed/comparison" --title "ACDC40, fold 0, seed $seed"
done

#!/usr/bin/env bash
# All networks and their controls against nnU-Net 2D and 3D on ACDC40, on a CPU. Resumable.
#
#     export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=...
#     nnUNetv2_plan_and_preprocess -d 27 -c 2d 3d_fullres   # then copy splits_final.json to its data
#     nnunet-slice-attention plan-compact -d 27
#     bash run.sh SEED...                                   # then: python report.py
#
# All of models.txt on fold 0, then second_fold.txt on fold 1, each 10 epochs of 250 iterations by ../run.py. Every seed's
# models are compared in its own results folder.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)

train_and_compare() {
    local fold=$1 list=$2 output=$3
    shift 3
    python "$here/../run.py" --dataset 27 --epochs 10 --seeds "$@" --workers 2 --precision single --trainers "$list" --fold "$fold"
    local models seed
    mapfile -t models < "$list"
    for seed in "$@"; do
        nnUNet_results=$nnUNet_results/seed$seed nnunet-slice-attention compare -d 27 -f "$fold" --group '(patient\d+)_' \
            --reference nnUNetTrainer_10epochs__nnUNetCompactPlans__2d --no-ensembles -m "${models[@]}" \
            -o "$nnUNet_results/seed$seed/$output" --title "ACDC40, fold $fold, seed $seed"
    done
}

train_and_compare 0 "$here/models.txt" comparison "$@"
train_and_compare 1 "$here/second_fold.txt" comparison_fold1 "$@"

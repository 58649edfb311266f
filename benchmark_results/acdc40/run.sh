#!/usr/bin/env bash
# All networks and their controls against nnU-Net 2D and 3D on ACDC40, on a CPU. Resumable.
#
#     export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=...
#     nnUNetv2_plan_and_preprocess -d 27 -c 2d 3d_fullres   # then copy splits_final.json to its data
#     nnunet-slice-attention plan-compact -d 27
#     bash run.sh SEED...                                   # then: python report.py
#
# All of models.txt on fold 0, every_fold.txt on folds 1 to 4 and second_fold.txt on fold 1, each 10 epochs of 250
# iterations by ../run.py. Every seed's models are compared in its own results folder.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)

train() {
    local list=$1 fold=$2
    shift 2
    python "$here/../run.py" --dataset 27 --epochs 10 --seeds "$@" --workers 2 --precision single --trainers "$list" --fold "$fold"
}

compare() {
    local list=$1 folds=$2 output=$3 seed models
    shift 3
    mapfile -t models < "$list"
    for seed in "$@"; do
        # The folds are words of their own.
        # shellcheck disable=SC2086
        nnUNet_results=$nnUNet_results/seed$seed nnunet-slice-attention compare -d 27 -f $folds --group '(patient\d+)_' \
            --reference nnUNetTrainer_10epochs__nnUNetCompactPlans__2d --no-ensembles -m "${models[@]}" \
            -o "$nnUNet_results/seed$seed/$output" --title "ACDC40, fold $folds, seed $seed"
    done
}

train "$here/models.txt" 0 "$@"
compare "$here/models.txt" 0 comparison "$@"
for fold in 1 2 3 4; do
    train "$here/every_fold.txt" "$fold" "$@"
done
compare "$here/every_fold.txt" "0 1 2 3 4" comparison_folds "$@"
train "$here/second_fold.txt" 1 "$@"
compare "$here/second_fold.txt" "0 1" comparison_second_fold "$@"

#!/usr/bin/env bash
# All networks against nnU-Net 2D and 3D on Hippocampus in thick slices, on a CPU. Resumable.
#
#     export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=...
#     python ../spacing_shift/make_data.py --source FOLDER/Dataset004_Hippocampus
#     nnUNetv2_plan_and_preprocess -d 504 -c 2d 3d_fullres
#     nnunet-slice-attention plan-compact -d 504 --batch-size 12 --batch-size-3d 2 -o nnUNetCompact12Plans
#     bash run.sh                                           # then: python report.py
#
# All of models.txt on fold 0 and every_fold.txt on folds 1 to 4, each 20 epochs of 250 iterations by ../run.py; on folds
# 0 and 1 also nnU-Net 2D and CSA-Net for 50 epochs (2D's take about as long as CSA-Net's 20), and CSA-Net with fewer
# blocks. report.py keeps what is in the CSV files already of trainings that were not done here.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)

train() {
    python "$here/../run.py" --dataset 504 --workers 2 --precision single --trainers "$1" --fold "$2"
}

compare() {
    local models
    mapfile -t models < <(cat "${@:3}")
    # The folds are words of their own.
    # shellcheck disable=SC2086
    nnUNet_results=$nnUNet_results/seed0 nnunet-slice-attention compare -d 504 -f $1 --no-ensembles -m "${models[@]}" \
        --reference nnUNetTrainer_20epochs__nnUNetCompact12Plans__2d \
        -o "$nnUNet_results/seed0/$2" --title "Hippocampus, every third slice, fold $1"
}

on_fold_0=("$here/models.txt" "$here/longer.txt" "$here/fewer_blocks.txt")
for list in "${on_fold_0[@]}"; do
    train "$list" 0
done
compare 0 thick_hippocampus "${on_fold_0[@]}"
for list in "$here/longer.txt" "$here/fewer_blocks.txt"; do
    train "$list" 1
done
for fold in 1 2 3 4; do
    train "$here/every_fold.txt" "$fold"
done
compare "0 1" thick_hippocampus_second_fold "$here/every_fold.txt" "$here/longer.txt" "$here/fewer_blocks.txt"
compare "0 1 2 3 4" thick_hippocampus_folds "$here/every_fold.txt"

#!/usr/bin/env bash
# Plans, preprocessing and compact plans, by default for all four data sets; SPLITS is ACDC40's splits_final.json.
#
#     export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=...
#     SPLITS=FOLDER/Dataset027_ACDC40/splits_final.json bash prepare.sh [504 514 27 530]
set -euo pipefail

datasets=("${@:-504 514 27 530}")
for dataset in ${datasets[*]}; do
    nnUNetv2_plan_and_preprocess -d "$dataset" -c 2d 3d_fullres -np 2 -npfp 2
    nnunet-slice-attention plan-compact -d "$dataset"
done
for dataset in ${datasets[*]}; do
    case "$dataset" in
        504 | 514) nnunet-slice-attention plan-compact -d "$dataset" --batch-size 12 --batch-size-3d 2 -o nnUNetCompact12Plans ;;
        27) cp "$SPLITS" "$nnUNet_preprocessed/Dataset027_ACDC40/" ;;
    esac
done

#!/usr/bin/env bash
# Plans, preprocessing and compact plans for the four data sets; SPLITS is ACDC40's splits_final.json.
#
#     export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=...
#     SPLITS=FOLDER/Dataset027_ACDC40/splits_final.json bash prepare.sh
set -euo pipefail

for dataset in 504 514 27 530; do
    nnUNetv2_plan_and_preprocess -d "$dataset" -c 2d 3d_fullres -np 2 -npfp 2
    nnunet-slice-attention plan-compact -d "$dataset"
done
for dataset in 504 514; do
    nnunet-slice-attention plan-compact -d "$dataset" --batch-size 12 --batch-size-3d 2 -o nnUNetCompact12Plans
done
cp "$SPLITS" "$nnUNet_preprocessed/Dataset027_ACDC40/"

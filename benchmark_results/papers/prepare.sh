#!/usr/bin/env bash
# Plans, preprocessing and compact plans; the other data sets are those of ../equal_time.
#
#     export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=...
#     bash prepare.sh
set -euo pipefail

for dataset in 506 512 520 521; do
    nnUNetv2_plan_and_preprocess -d "$dataset" -c 2d 3d_fullres -np 2 -npfp 2
    nnunet-slice-attention plan-compact -d "$dataset" --batch-size 12 --batch-size-3d 2 -o nnUNetCompact12Plans
done

#!/usr/bin/env bash
# Does the verb `predict` segment as `nnUNetv2_predict` does? Both predict the validation images of fold 0.
#
#     export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=.../seed0   # the models of ../acdc40
#     bash run.sh OUT DEVICE TRAINER...       # trained on ACDC40, 2d, fold 0, compact plans
#
# nnU-Net's predictions stand in for the truth. No mirroring: its average would hide differences. `report.py` makes the
# page of all that OUT holds.
set -euo pipefail

out=$1 device=$2
shift 2
plans=nnUNetCompactPlans

python "$(dirname "$0")/../validation_images.py" "$out/images"

for trainer in "$@"; do
    mkdir -p "$out/$trainer"
    nnUNetv2_predict -i "$out/images" -o "$out/$trainer/stock" -d 27 -c 2d -f 0 -tr "$trainer" -p $plans \
        -npp 1 -nps 1 -device "$device" --disable_tta
    nnunet-slice-attention predict -i "$out/images" -o "$out/$trainer/predict" -d 27 -f 0 -tr "$trainer" -p $plans \
        -npp 1 -nps 1 -device "$device" --disable_tta
    nnunet-slice-attention compare --predictions "$trainer=$out/$trainer/predict" --truth "$out/$trainer/stock" \
        -o "$out/$trainer/compared"
done
python "$(dirname "$0")/report.py" "$out"

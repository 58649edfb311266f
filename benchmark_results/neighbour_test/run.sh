#!/usr/bin/env bash
# What do trained models lose if they are shown wrong neighbours?
#
#     export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=.../seed0   # the models of ../acdc40
#     bash run.sh OUT DEVICE TRAINER...       # trained on ACDC40, 2d, fold 0, compact plans
#
# Each model predicts the validation images of fold 0 with the slices' own neighbours, with each slice as its own
# neighbours, and with other slices of the volume. No mirroring. `report.py` makes the page of all that OUT holds.
set -euo pipefail

out=$1 device=$2
shift 2
plans=nnUNetCompactPlans

python "$(dirname "$0")/../validation_images.py" "$out/images" "$out/labels"

for trainer in "$@"; do
    mkdir -p "$out/$trainer"
    for neighbours in own repeat shuffle; do
        nnunet-slice-attention predict -i "$out/images" -o "$out/$trainer/$neighbours" -d 27 -f 0 -tr "$trainer" \
            -p $plans --neighbours $neighbours -npp 1 -nps 1 -device "$device" --disable_tta
    done
    folders=(own="$out/$trainer/own" repeat="$out/$trainer/repeat" shuffle="$out/$trainer/shuffle")
    nnunet-slice-attention compare --predictions "${folders[@]}" --truth "$out/labels" --group '(patient\d+)_' \
        -o "$out/$trainer/compared"
done
python "$(dirname "$0")/report.py" "$out"

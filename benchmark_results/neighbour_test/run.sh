#!/usr/bin/env bash
# What do trained models lose if they are shown wrong neighbours?
#
#     export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=.../seed0   # models of ../acdc40, ../thick_hippocampus
#     bash run.sh OUT DEVICE DATASET PLANS TRAINER...                          # trained on 2d, fold 0; DATASET by its name
#
# Each model predicts the validation images of fold 0 with the slices' own neighbours, with each slice as its own
# neighbours, and with other slices of the volume. No mirroring. `report.py` makes the page of all that OUT/DATASET holds,
# and of what was measured on other data sets before.
set -euo pipefail

out=$1/$3 device=$2 dataset=$3 plans=$4
shift 4

python "$(dirname "$0")/../validation_images.py" "$out/images" "$out/labels" --dataset "$dataset"

for trainer in "$@"; do
    mkdir -p "$out/$trainer"
    for neighbours in own repeat shuffle; do
        nnunet-slice-attention predict -i "$out/images" -o "$out/$trainer/$neighbours" -d "$dataset" -f 0 -tr "$trainer" \
            -p "$plans" --neighbours $neighbours -npp 1 -nps 1 -device "$device" --disable_tta
    done
    folders=(own="$out/$trainer/own" repeat="$out/$trainer/repeat" shuffle="$out/$trainer/shuffle")
    # ACDC40's two volumes of a patient are one; Hippocampus has one volume a patient.
    nnunet-slice-attention compare --predictions "${folders[@]}" --truth "$out/labels" --group '([a-z]+_?\d+)' \
        -o "$out/$trainer/compared"
done
python "$(dirname "$0")/report.py" "$out"

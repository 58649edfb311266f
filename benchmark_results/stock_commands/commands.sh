#!/usr/bin/env bash
# nnU-Net's own commands from raw data to an imported model, for nnU-Net's 2D network and for CSA-Net. Resumable.
#
#     export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=...
#     bash commands.sh OUT [DEVICE]
#
# Fold 0 of the patient-grouped split in $nnUNet_raw/Dataset027_ACDC40, compact plans, 10 epochs of 250 iterations. The
# predictions are written to OUT.
set -euo pipefail

out=$1 device=${2:-cpu}
dataset=Dataset027_ACDC40 plans=nnUNetCompactPlans
stock=nnUNetTrainer_10epochs csa=nnUNetTrainerCSANet_10epochs

mkdir -p "$out/done"
step() { # NAME COMMAND...: run the command unless it has already succeeded
    local name=$1
    shift
    if [[ -e $out/done/$name ]]; then
        echo "already done: $name"
        return
    fi
    echo "+ $*"
    "$@"
    touch "$out/done/$name"
}

predict() { # TRAINER FOLDER
    step "predict_$2" nnUNetv2_predict -i "$out/images" -o "$out/$2" -d 27 -c 2d -f 0 -tr "$1" -p $plans \
        -npp 1 -nps 1 -device "$device" --save_probabilities
}

evaluate() { # FOLDER
    step "evaluate_$1" nnUNetv2_evaluate_folder "$nnUNet_raw/$dataset/labelsTr" "$out/$1" \
        -djfile "$out/$stock/dataset.json" -pfile "$out/$stock/plans.json" -np 2 --chill
}

step preprocess nnUNetv2_plan_and_preprocess -d 27 -c 2d 3d_fullres -np 2 -npfp 2
step split cp "$nnUNet_raw/$dataset/splits_final.json" "$nnUNet_preprocessed/$dataset/"
step plan_compact nnunet-slice-attention plan-compact -d 27

python -m experiments.images $dataset 0 copy "$out/images"

for trainer in $stock $csa; do
    fold=$nnUNet_results/$dataset/${trainer}__${plans}__2d/fold_0
    resume=()
    [[ -e $fold/checkpoint_latest.pth || -e $fold/checkpoint_final.pth ]] && resume=(--c)
    step "train_$trainer" nnUNetv2_train 27 2d 0 -tr "$trainer" -p $plans -device "$device" "${resume[@]}"
    predict "$trainer" "$trainer"
    evaluate "$trainer"
done

step ensemble nnUNetv2_ensemble -i "$out/$stock" "$out/$csa" -o "$out/ensemble" -np 2
evaluate ensemble

step export nnUNetv2_export_model_to_zip -d 27 -o "$out/csa.zip" -c 2d -f 0 -tr $csa -p $plans --not_strict
export nnUNet_results=$out/empty_results
mkdir -p "$nnUNet_results"
step import nnUNetv2_install_pretrained_model_from_zip "$out/csa.zip"
predict $csa imported

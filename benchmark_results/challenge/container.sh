#!/usr/bin/env bash
# The container's program, `examples/challenge/process.py`, on held-out ACDC40 volumes under a container's conditions:
# from a bundle, as an unprivileged user, without network access, with only the output and a scratch folder writable.
#
#     export nnUNet_raw=... nnUNet_preprocessed=... nnUNet_results=...
#     bash container.sh OUT TRAINER      # as root, for `unshare`; trained on ACDC40, 2d, fold 0, compact plans
set -euo pipefail

out=$(realpath -m "$1") trainer=$2
here=$(realpath "$(dirname "$0")")
nobody=65534

mkdir -p "$out/input/images"
python -m experiments.images Dataset027_ACDC40 0 copy "$out/input/images/cardiac-mri"
for image in "$out"/input/images/cardiac-mri/*_0000.nii.gz; do mv "$image" "${image/_0000/}"; done
install -d -o $nobody "$out/output" "$out/scratch"
chmod -R a+rX "$out/input"
nnunet-slice-attention export --format bundle -d 27 -tr "$trainer" -p nnUNetCompactPlans -f 0 -o "$out/model.zip"

env -i PATH="$PATH" PYTHONPATH="${PYTHONPATH:-}" HOME="$out/scratch" TMPDIR="$out/scratch" PYTHONDONTWRITEBYTECODE=1 \
    unshare --net setpriv --reuid=$nobody --regid=$nobody --clear-groups --no-new-privs \
    "$(command -v python)" "$here/../../examples/challenge/process.py" --bundle "$out/model.zip" --input "$out/input" \
    --output "$out/output" --images cardiac-mri --segmentation cardiac-segmentation --device cpu

nnunet-slice-attention compare --predictions "$trainer=$out/output/images/cardiac-segmentation" \
    --truth "$nnUNet_raw/Dataset027_ACDC40/labelsTr" --dataset-json "$nnUNet_raw/Dataset027_ACDC40/dataset.json" \
    --group '(patient\d+)_' -o "$out/compared"

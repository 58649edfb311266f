"""Results folders of several runs, in nnU-Net's layout, without training."""

import json
import os

import numpy as np

from nnunet_slice_attention.cli import main
from tests.tiny_data import TinyDataset, draw_volume, write

DATASET = TinyDataset(901, "Runs")
BASELINE, OTHER = "nnUNetTrainer__nnUNetPlans__2d", "nnUNetTrainerSAUNet__nnUNetPlans__2d"
SEEDS, FOLDS, PER_FOLD = ("seed_0", "seed_1", "seed_2"), 2, 4
DEPTH = 6


def write_runs(root):
    """Three results folders of two models on two folds of four cases; predictions lack different slices in each run."""
    preprocessed = root / "preprocessed" / DATASET.folder
    ground_truth = preprocessed / "gt_segmentations"
    ground_truth.mkdir(parents=True)
    folds = [[f"case_{fold}{i}" for i in range(PER_FOLD)] for fold in range(FOLDS)]
    splits = [{"val": val, "train": folds[1 - fold]} for fold, val in enumerate(folds)]
    (preprocessed / "splits_final.json").write_text(json.dumps(splits))
    (preprocessed / "dataset.json").write_text(json.dumps(DATASET.dataset_json))
    rng = np.random.default_rng(0)
    for fold, cases in enumerate(folds):
        for case in cases:
            _, labels = draw_volume(DEPTH, int(case[-2:]), channels=1, with_ignore=False)
            write(labels, ground_truth / f"{case}.nii.gz")
            for seed in SEEDS:
                for model, max_missing in ((BASELINE, 2), (OTHER, DEPTH)):
                    validation = _folder(root / seed, model, fold) / "validation"
                    validation.mkdir(parents=True, exist_ok=True)
                    predicted = labels.copy()
                    predicted[: rng.integers(1, max_missing)] = 0
                    predicted[-1][predicted[-1] == 2] = max_missing == DEPTH  # so that classes differ
                    write(predicted, validation / f"{case}.nii.gz")
    for i, path in enumerate(sorted(root.glob("seed_*/*/*/fold_*"))):
        checkpoint = path / "checkpoint_final.pth"
        checkpoint.write_bytes(bytes([i]))
        os.utime(checkpoint, (1, 1))  # equal time and size, but different content


def _folder(results, model, fold):
    return results / DATASET.folder / model / f"fold_{fold}"


def compare_runs(root, *flags, seeds=SEEDS, folds=("0", "1"), models=(BASELINE, OTHER)):
    """Compare into root/out and return the exit status."""
    argv = ["compare", "-d", DATASET.folder, "-m", *models, "-f", *folds, "-np", "1", "-o", str(root / "out")]
    runs = ["--runs", *(str(root / seed) for seed in seeds)] if seeds else []
    return main([*argv, *runs, *flags])

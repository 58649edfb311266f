"""Models of a data set of 3D TIFF, whose predictions lack the first slice."""

import json
import shutil

import pytest
from nnunetv2.experiment_planning.plan_and_preprocess_api import preprocess_dataset

from tests.tiny_tiff import CASES, DATASET, labels_of, write_raw_tiff, write_segmentation

MODELS = ("nnUNetTrainer__nnUNetPlans__2d", "nnUNetTrainerSAUNet__nnUNetPlans__2d")


def write_tiff_models(root):
    """nnU-Net's folders: the labels copied by nnU-Net itself, and predictions of two models, without training."""
    raw, preprocessed = write_raw_tiff(root / "raw"), root / "preprocessed" / DATASET.folder
    preprocessed.mkdir(parents=True)
    shutil.copy(raw / "dataset.json", preprocessed)
    plans = {"dataset_name": DATASET.folder, "plans_name": "nnUNetPlans", "configurations": {}}
    (preprocessed / "nnUNetPlans.json").write_text(json.dumps(plans))
    split = [{"val": list(CASES), "train": ["other"]}]
    (preprocessed / "splits_final.json").write_text(json.dumps(split))
    with pytest.MonkeyPatch.context() as patch:
        for kind in ("raw", "preprocessed"):
            patch.setenv(f"nnUNet_{kind}", str(root / kind))
        preprocess_dataset(DATASET.id, "nnUNetPlans", (), ())
    for model in MODELS:
        for case in CASES:
            labels = labels_of(case)
            labels[0] = 0
            write_segmentation(
                root / "results" / DATASET.folder / model / "fold_0" / "validation", case, labels
            )


def remove_spacing(*folders) -> None:
    for folder in folders:
        for case in CASES:
            (folder / f"{case}.json").unlink()

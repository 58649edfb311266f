"""Folders of predictions to compare, without training."""

import json

import numpy as np

from nnunet_slice_attention.cli import main
from tests.tiny_data import TinyDataset, draw_volume, read, write

PATIENTS = 8


def write_folders(root):
    """Eight patients with two visits each: ground truth, a perfect prediction, and one eroded by one voxel."""
    dataset = TinyDataset(1, "Tiny")
    for name in ("truth", "perfect", "small"):
        (root / name).mkdir()
    for patient in range(PATIENTS):
        for visit in range(2):
            _, labels = draw_volume(5, seed=10 * patient + visit, channels=1, with_ignore=False)
            eroded = labels.copy()
            for axis in (1, 2):
                for shift in (-1, 1):
                    eroded = np.minimum(eroded, np.roll(labels, shift, axis))
            for name, volume in (("truth", labels), ("perfect", labels), ("small", eroded)):
                write(volume, root / name / f"patient{patient}_visit{visit}.nii.gz")
    (root / "dataset.json").write_text(json.dumps(dataset.dataset_json))


def write_images(folders):
    """An image of every ground truth, ten times its labels."""
    (folders / "images").mkdir()
    for path in (folders / "truth").iterdir():
        write(10 * read(path), folders / "images" / path.name.replace(".nii.gz", "_0000.nii.gz"))


def compare(folders, *flags, models=("perfect", "small")):
    named = [f"{name}={folders / name}" for name in models]
    argv = ["compare", "--predictions", *named, "--truth", str(folders / "truth"), "-np", "1"]
    return main([*argv, "--dataset-json", str(folders / "dataset.json"), "-o", str(folders / "out"), *flags])

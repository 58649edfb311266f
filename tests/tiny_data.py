"""A raw nnU-Net data set small enough to be planned, preprocessed and trained on in a test."""

import json
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import SimpleITK
from SimpleITK import GetImageFromArray, WriteImage

DEPTHS = (7, 6, 7, 5, 2, 1)  # slices of each training volume
IN_PLANE = (40, 36)  # voxels
SPACING = (1.0, 1.0, 6.0)  # x, y, z in mm


@dataclass(frozen=True)
class TinyDataset:
    id: int
    name: str
    channels: int = 1
    regions: bool = False

    @property
    def folder(self) -> str:
        return f"Dataset{self.id:03d}_{self.name}"

    @property
    def dataset_json(self) -> dict:
        labels = {"background": 0, "disc": 1, "core": 2}
        if self.regions:
            labels = {"background": 0, "disc": [1, 2], "core": [2], "ignore": 3}
        return {
            "channel_names": {str(c): f"MR{c}" for c in range(self.channels)},
            "labels": labels,
            "numTraining": len(DEPTHS),
            "file_ending": ".nii.gz",
        } | ({"regions_class_order": [1, 2]} if self.regions else {})


def draw_volume(depth: int, seed: int, channels: int, with_ignore: bool) -> tuple[np.ndarray, np.ndarray]:
    """A bright disc with a brighter core on noise: (channels, depth, *IN_PLANE) float32 and labels uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: IN_PLANE[0], : IN_PLANE[1]]
    centre = rng.uniform(15, 22, 2)
    radius = np.hypot(y - centre[0], x - centre[1])
    labels = np.repeat(((radius < 10).astype(np.uint8) + (radius < 5))[None], depth, axis=0)
    image = rng.normal(0, 0.3, (channels, depth, *IN_PLANE)) + labels + 3
    if with_ignore:
        labels[:, :6] = 3
    return image.astype(np.float32), labels


def write_raw(raw: Path, dataset: TinyDataset) -> None:
    folder = raw / dataset.folder
    for sub in ("imagesTr", "labelsTr", "imagesTs"):
        (folder / sub).mkdir(parents=True)
    for i, depth in enumerate(DEPTHS):
        image, labels = draw_volume(depth, i, dataset.channels, dataset.regions)
        write(labels, folder / "labelsTr" / f"case_{i}.nii.gz")
        for c, channel in enumerate(image):
            write(channel, folder / "imagesTr" / f"case_{i}_{c:04d}.nii.gz")
            if depth in (7, 1):
                write(channel, folder / "imagesTs" / f"test_{i}_{c:04d}.nii.gz")
    (folder / "dataset.json").write_text(json.dumps(dataset.dataset_json))


def write_png(raw: Path, dataset: TinyDataset) -> None:
    """2D images, one per volume."""
    folder = raw / dataset.folder
    for sub in ("imagesTr", "labelsTr"):
        (folder / sub).mkdir(parents=True)
    for i in range(len(DEPTHS)):
        image, labels = draw_volume(1, i, 1, False)
        grey = (40 * image[0, 0]).clip(0, 255).astype(np.uint8)
        WriteImage(GetImageFromArray(grey), str(folder / "imagesTr" / f"case_{i}_0000.png"))
        WriteImage(GetImageFromArray(labels[0]), str(folder / "labelsTr" / f"case_{i}.png"))
    (folder / "dataset.json").write_text(json.dumps(dataset.dataset_json | {"file_ending": ".png"}))


def write(array: np.ndarray, path: Path, spacing=SPACING) -> None:
    image = GetImageFromArray(array)
    image.SetSpacing(spacing)
    WriteImage(image, str(path))


def shear(path: Path) -> None:
    """Give a file directions that are not at right angles: ITK does not read it, so nnU-Net takes nibabel."""
    image = nibabel.load(path)
    affine = np.diag([*SPACING, 1.0])
    affine[0, 1] = 0.2
    nibabel.Nifti1Image(np.asarray(image.dataobj), affine).to_filename(path)


def read(path: Path) -> np.ndarray:
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))


def narrow(plans: dict) -> dict:
    """An eighth of the channels, so that training takes seconds."""
    for configuration in plans["configurations"].values():
        arguments = configuration["architecture"]["arch_kwargs"]
        arguments["features_per_stage"] = [n // 8 for n in arguments["features_per_stage"]]
    return plans

"""Data sets derived from downloads: coronal slices of Hippocampus, and eight organs of BTCV30.

    export nnUNet_raw=...
    python make_data.py --hippocampus FOLDER/Dataset004_Hippocampus --btcv FOLDER/Dataset030_BTCV30

Writes `Dataset514_HippocampusCoronal3`, every third coronal slice of the isotropic volumes (nnU-Net slices along the
axis of the largest spacing), and `Dataset530_BTCV30EightOrgans`, the organs that most papers report. Axial slices:
`../spacing_shift/make_data.py`.
"""

import argparse
import json
import os
import shutil
from pathlib import Path

import numpy as np
import SimpleITK

ENDING = ".nii.gz"
EVERY = 3  # mm, of isotropic volumes of 1 mm
CORONAL, EIGHT = "Dataset514_HippocampusCoronal3", "Dataset530_BTCV30EightOrgans"
ORGANS = (
    "spleen", "right_kidney", "left_kidney", "gallbladder", "liver", "stomach", "aorta", "pancreas",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hippocampus", type=Path, help="nnU-Net's raw folder of Hippocampus")
    parser.add_argument("--btcv", type=Path, help="nnU-Net's raw folder of BTCV30")
    args = parser.parse_args()
    raw = Path(os.environ["nnUNet_raw"])
    if args.hippocampus:
        take_coronal_slices(args.hippocampus, raw / CORONAL)
    if args.btcv:
        keep_organs(args.btcv, raw / EIGHT)


def take_coronal_slices(source: Path, target: Path) -> None:
    for folder in ("imagesTr", "labelsTr"):
        (target / folder).mkdir(parents=True)
        for path in sorted((source / folder).glob(f"*{ENDING}")):
            volume = SimpleITK.ReadImage(str(path))
            SimpleITK.WriteImage(volume[:, EVERY // 2 :: EVERY, :], str(target / folder / path.name))
    description = json.loads((source / "dataset.json").read_text())
    (target / "dataset.json").write_text(json.dumps(description | {"name": CORONAL}, indent=2))
    print(f"Wrote {target}")


def keep_organs(source: Path, target: Path) -> None:
    description = json.loads((source / "dataset.json").read_text())
    new = np.zeros(max(description["labels"].values()) + 1, np.uint8)
    for value, organ in enumerate(ORGANS, 1):
        new[description["labels"][organ]] = value
    (target / "labelsTr").mkdir(parents=True)
    shutil.copytree(source / "imagesTr", target / "imagesTr", copy_function=shutil.copyfile)
    for path in sorted((source / "labelsTr").glob(f"*{ENDING}")):
        labels = SimpleITK.ReadImage(str(path))
        kept = SimpleITK.GetImageFromArray(new[SimpleITK.GetArrayFromImage(labels)])
        kept.CopyInformation(labels)
        SimpleITK.WriteImage(kept, str(target / "labelsTr" / path.name))
    labels = {"background": 0} | {organ: value for value, organ in enumerate(ORGANS, 1)}
    (target / "dataset.json").write_text(json.dumps(description | {"labels": labels}, indent=2))
    print(f"Wrote {target}")


if __name__ == "__main__":
    main()

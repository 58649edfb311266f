"""Thick-slice versions of Hippocampus (isotropic, 1 mm), with known ground truth: every k-th slice is kept.

    export nnUNet_raw=...
    python make_data.py --source FOLDER/Dataset004_Hippocampus

Writes `Dataset504_HippocampusEvery3` to `nnUNet_raw`: every third slice of all volumes for training, and for testing
the validation volumes of fold 0 with every second, third, fourth and sixth slice, as CASE_everyK.
"""

import argparse
import json
import os
from pathlib import Path

import SimpleITK
from nnunetv2.utilities.crossval_split import generate_crossval_split

NAME = "Dataset504_HippocampusEvery3"
TRAINED, TESTED = 3, (2, 3, 4, 6)
ENDING = ".nii.gz"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, required=True, help="nnU-Net's raw folder of Hippocampus")
    source = parser.parse_args().source
    out = Path(os.environ["nnUNet_raw"], NAME)
    cases = sorted(path.name.removesuffix(ENDING) for path in (source / "labelsTr").glob(f"*{ENDING}"))
    for case in cases:
        thin(source, case, out, "Tr", TRAINED, case)
    for case in generate_crossval_split(cases)[0]["val"]:  # nnU-Net's own split of these cases
        for every in TESTED:
            thin(source, case, out, "Ts", every, f"{case}_every{every}")
    description = json.loads((source / "dataset.json").read_text())
    (out / "dataset.json").write_text(json.dumps(description | {"name": NAME}, indent=2))
    print(f"Wrote {out}")


def thin(source: Path, case: str, out: Path, part: str, every: int, name: str) -> None:
    """Keep every k-th slice of image and label, starting in the middle of the first k."""
    for folder, channel in (("images", "_0000"), ("labels", "")):
        volume = SimpleITK.ReadImage(str(source / f"{folder}Tr" / f"{case}{channel}{ENDING}"))
        target = out / f"{folder}{part}" / f"{name}{channel}{ENDING}"
        target.parent.mkdir(parents=True, exist_ok=True)
        SimpleITK.WriteImage(volume[:, :, every // 2 :: every], str(target))


if __name__ == "__main__":
    main()

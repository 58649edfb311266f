"""Copy the validation images of ACDC40's fold 0, and their labels: python validation_images.py IMAGES [LABELS]"""

import json
import os
import shutil
import sys
from pathlib import Path


def main() -> None:
    dataset = Path(os.environ["nnUNet_raw"]) / "Dataset027_ACDC40"
    for target, folder, channel in zip(sys.argv[1:], ("imagesTr", "labelsTr"), ("_0000", ""), strict=False):
        Path(target).mkdir(parents=True, exist_ok=True)
        for case in json.loads((dataset / "splits_final.json").read_text())[0]["val"]:
            shutil.copy(dataset / folder / f"{case}{channel}.nii.gz", target)


if __name__ == "__main__":
    main()

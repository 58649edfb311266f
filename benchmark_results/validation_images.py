"""Copy the validation images of ACDC40's fold 0 to a folder: python validation_images.py FOLDER"""

import json
import os
import shutil
import sys
from pathlib import Path


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    dataset = Path(os.environ["nnUNet_raw"]) / "Dataset027_ACDC40"
    for case in json.loads((dataset / "splits_final.json").read_text())[0]["val"]:
        shutil.copy(dataset / "imagesTr" / f"{case}_0000.nii.gz", folder)


if __name__ == "__main__":
    main()

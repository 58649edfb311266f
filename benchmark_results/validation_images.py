"""Copy the validation images of ACDC40's fold 0, and their labels: python validation_images.py IMAGES [LABELS]"""

import json
import os
import shutil
import sys
from pathlib import Path

NAME = "Dataset027_ACDC40"


def main() -> None:
    dataset = Path(os.environ["nnUNet_raw"], NAME)
    held_out = validation_cases(dataset)
    if held_out != validation_cases(Path(os.environ["nnUNet_preprocessed"], NAME)):
        raise SystemExit(
            f"Models were trained on another split than {dataset}/splits_final.json. Copy it to the preprocessed data "
            "set and train again."
        )
    for target, folder, channel in zip(sys.argv[1:], ("imagesTr", "labelsTr"), ("_0000", ""), strict=False):
        Path(target).mkdir(parents=True, exist_ok=True)
        for case in held_out:
            shutil.copy(dataset / folder / f"{case}{channel}.nii.gz", target)


def validation_cases(folder: Path) -> list[str]:
    return sorted(json.loads((folder / "splits_final.json").read_text())[0]["val"])


if __name__ == "__main__":
    main()

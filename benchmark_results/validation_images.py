"""Copy fold 0's validation images, and their labels: python validation_images.py IMAGES [LABELS] [--dataset NAME]"""

import argparse
import json
import os
import shutil
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path)
    parser.add_argument("labels", type=Path, nargs="?")
    parser.add_argument("--dataset", default="Dataset027_ACDC40", help="default: %(default)s")
    args = parser.parse_args()
    dataset = Path(os.environ["nnUNet_raw"], args.dataset)
    held_out = validation_cases(Path(os.environ["nnUNet_preprocessed"], args.dataset))
    # A data set that comes with a split is to be trained on it.
    if (dataset / "splits_final.json").is_file() and held_out != validation_cases(dataset):
        raise SystemExit(
            f"Models were trained on another split than {dataset}/splits_final.json. Copy it to the preprocessed data "
            "set and train again."
        )
    for target, folder, channel in ((args.images, "imagesTr", "_0000"), (args.labels, "labelsTr", "")):
        if target:
            target.mkdir(parents=True, exist_ok=True)
            for case in held_out:
                shutil.copy(dataset / folder / f"{case}{channel}.nii.gz", target)


def validation_cases(folder: Path) -> list[str]:
    return sorted(json.loads((folder / "splits_final.json").read_text())[0]["val"])


if __name__ == "__main__":
    main()

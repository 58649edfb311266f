"""Copy the validation images of a fold and their labels: python -m experiments.images DATASET FOLD IMAGES [LABELS]"""

import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path


def copy_validation(dataset: str, fold: int, images: Path, labels: Path | None = None) -> None:
    """Of the raw data set, without converting anything.

    Raises:
        ValueError: the data set comes with another split than its models were trained on.
    """
    raw, noted = Path(os.environ["nnUNet_raw"], dataset), "splits_final.json"
    held_out = split(dataset, fold)["val"]
    own = json.loads((raw / noted).read_text())[fold]["val"] if (raw / noted).is_file() else held_out
    if sorted(own) != sorted(held_out):
        raise ValueError(
            f"models were trained on another split than {raw / noted}. Copy it to the preprocessed data set and train "
            "again."
        )
    ending = json.loads((raw / "dataset.json").read_text())["file_ending"]
    for target, folder, channel in ((images, "imagesTr", "_????"), (labels, "labelsTr", "")):
        if target:
            target.mkdir(parents=True, exist_ok=True)
            for case in held_out:
                for path in (raw / folder).glob(f"{case}{channel}{ending}"):
                    shutil.copy(path, target)


def check_held_out(dataset: str, fold: int, images: Path) -> None:
    """Raise ValueError if one of the images is of a training case of the fold, by its name."""
    trained_on = tuple(f"{case}_" for case in split(dataset, fold)["train"])
    if seen := sorted(path.name for path in images.iterdir() if path.name.startswith(trained_on)):
        raise ValueError(
            f"{images / seen[0]} and {len(seen) - 1} more are of cases that fold {fold} of {dataset} is trained on. "
            "Test on others, or train again on a split that holds them out."
        )


def split(dataset: str, fold: int) -> dict[str, Sequence[str]]:
    path = Path(os.environ["nnUNet_preprocessed"], dataset, "splits_final.json")
    return json.loads(path.read_text())[fold]


if __name__ == "__main__":
    dataset, fold, *folders = sys.argv[1:]
    copy_validation(dataset, int(fold), *map(Path, folders))

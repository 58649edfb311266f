"""Images of a fold that are no training images of it.

python -m experiments.images DATASET FOLD copy IMAGES [LABELS]    copies the fold's validation images and labels
python -m experiments.images DATASET FOLD check IMAGES            checks a folder, by the images' names
"""

import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path


def copy(dataset: str, fold: int, images: Path, labels: Path | None = None) -> None:
    """Without converting anything.

    Raises:
        ValueError: the data set comes with another split than its models were trained on.
    """
    raw = Path(os.environ["nnUNet_raw"], dataset)
    held_out = _split("nnUNet_preprocessed", dataset, fold)["val"]
    if sorted(_split("nnUNet_raw", dataset, fold).get("val", held_out)) != sorted(held_out):
        raise ValueError(
            f"models were trained on another split than {raw / 'splits_final.json'}. Copy it to the preprocessed data "
            "set and train again."
        )
    ending = json.loads((raw / "dataset.json").read_text())["file_ending"]
    for target, pattern in ((images, f"imagesTr/{{}}_????{ending}"), (labels, f"labelsTr/{{}}{ending}")):
        if target:
            target.mkdir(parents=True, exist_ok=True)
            for path in (path for case in held_out for path in raw.glob(pattern.format(case))):
                shutil.copy(path, target)


def check(dataset: str, fold: int, images: Path) -> None:
    """Raise ValueError if one of the images is of a training case of the fold: its name begins with that and "_".

    So variants of a training image count, such as CASE_every2.
    """
    trained_on = tuple(f"{case}_" for case in _split("nnUNet_preprocessed", dataset, fold)["train"])
    if seen := sorted(path.name for path in images.iterdir() if path.name.startswith(trained_on)):
        raise ValueError(
            f"{images / seen[0]} and {len(seen) - 1} more are of cases that fold {fold} of {dataset} is trained on. "
            "Test on others, or train again on a split that holds them out."
        )


def _split(variable: str, dataset: str, fold: int) -> dict[str, Sequence[str]]:
    path = Path(os.environ[variable], dataset, "splits_final.json")
    return json.loads(path.read_text())[fold] if path.is_file() else {}


if __name__ == "__main__":
    dataset, fold, do, *folders = sys.argv[1:]
    {"copy": copy, "check": check}[do](dataset, int(fold), *map(Path, folders))

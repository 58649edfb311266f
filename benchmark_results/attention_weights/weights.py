"""Predict ACDC40's validation images of fold 0 with the weights of neighbours: python weights.py OUT TRAINER DEVICE

Writes `weights.csv`, one row per case, structure of the reference and position of the slice in it, and `weights.png`
next to this file.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import SimpleITK

DATASET, PLANS, FILE = "Dataset027_ACDC40", "nnUNetCompactPlans", "weights.csv"
STRUCTURES = {"RV": 1, "MLV": 2, "LVC": 3}
POSITIONS = ("first", "between", "last")
OFFSETS = {"previous": -1, "itself": 0, "next": 1}
COLOURS = {"RV": "#56b4e9", "MLV": "#009e73", "LVC": "#e69f00"}  # distinguishable with any colour vision
MARGIN = 12  # pixels around the heart


def predict(out: Path, trainer: str, device: str) -> None:
    copy = ["-m", "experiments.images", DATASET, "0", "copy", out / "images", out / "labels"]
    model = ["-d", DATASET, "-tr", trainer, "-p", PLANS, "-f", "0", "-device", device]
    options = ["-i", out / "images", "-o", out / "predictions", "--attention", "--disable_tta"]
    for command in (
        copy,
        ["-m", "nnunet_slice_attention", "predict", *model, *options, "-npp", "0", "-nps", "0"],
    ):
        subprocess.run([sys.executable, *map(str, command)], check=True)


def read(path: Path) -> np.ndarray:
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))


def weights_of(out: Path, case: str) -> dict[str, np.ndarray]:
    """{"previous": shares (S, H, W), ...}"""
    folder = out / "predictions" / "attention"
    return {name: read(folder / f"{case}_{offset:+d}.nii.gz") / 100 for name, offset in OFFSETS.items()}


def positions(structure: np.ndarray) -> Iterator[tuple[str, list[int]]]:
    """Slices of a structure (S, H, W) that have two neighbours; none for a structure of one slice."""
    slices = [int(s) for s in np.flatnonzero(structure.any(axis=(1, 2)))]
    if len(slices) > 1:
        ends = {0, len(structure) - 1}
        for position, found in zip(POSITIONS, (slices[:1], slices[1:-1], slices[-1:]), strict=True):
            yield position, [s for s in found if s not in ends]


def rows(out: Path) -> Iterator[dict]:
    for path in sorted((out / "labels").glob("*.nii.gz")):
        case = path.name.removesuffix(".nii.gz")
        labels, weights = read(path), weights_of(out, case)
        for structure, label in STRUCTURES.items():
            for position, slices in positions(labels == label):
                if (inside := labels[slices] == label).any():
                    means = {name: round(float(w[slices][inside].mean()), 4) for name, w in weights.items()}
                    yield {"case": case, "structure": structure, "position": position} | means


def median_case(table: pd.DataFrame) -> str:
    """Of all cases the (lower) median by the weight of the slice itself, over all structures and positions."""
    means = table.groupby("case").itself.mean().sort_values(kind="stable")
    return means.index[(len(means) - 1) // 2]


def draw(out: Path, case: str, path: Path) -> None:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    image, labels = read(out / "images" / f"{case}_0000.nii.gz"), read(out / "labels" / f"{case}.nii.gz")
    weights = weights_of(out, case)
    slices = np.flatnonzero((labels > 0).any(axis=(1, 2)))
    shown = [slices[0], slices[len(slices) // 2], slices[-1]]
    window = tuple(
        slice(max(0, where.min() - MARGIN), where.max() + MARGIN + 1)
        for where in np.nonzero((labels > 0).any(axis=0))
    )
    top = max(float(weights[name][(slice(None), *window)].max()) for name in ("previous", "next"))
    figure = Figure(figsize=(8.4, 7.6), layout="constrained")
    axes = figure.subplots(3, 3)
    for column, s in enumerate(shown):
        place = f"slice {s + 1} of {len(labels)}"
        note = ("the heart's first slice", "in its middle", "its last slice")[column]
        axes[0, column].set_title(f"{place},\n{note}", fontsize=10)
        low, high = np.percentile(image[(slice(None), *window)], (1, 99))
        axes[0, column].imshow(image[s][window], cmap="gray", vmin=low, vmax=high)
        for row, name in enumerate(("previous", "next"), 1):
            drawn = axes[row, column].imshow(weights[name][s][window], cmap="magma", vmin=0, vmax=top)
        for axis in axes[:, column]:
            for structure, label in STRUCTURES.items():
                if (inside := labels[s][window] == label).any():
                    axis.contour(inside, [0.5], colors=COLOURS[structure], linewidths=1)
            axis.set(xticks=[], yticks=[])
    for axis, text in zip(
        axes[:, 0], ("image", "weight of the previous slice", "weight of the next slice"), strict=True
    ):
        axis.set_ylabel(text, fontsize=10)
    figure.colorbar(drawn, ax=axes[1:, :], shrink=0.6, label="share of the attention")
    handles = [Line2D([], [], color=colour, label=name) for name, colour in COLOURS.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    figure.savefig(path, dpi=110)


def main(out: str, trainer: str, device: str) -> None:
    folder = Path(out)
    predict(folder, trainer, device)
    table = pd.DataFrame(rows(folder))
    here = Path(__file__).parent
    table.to_csv(here / FILE, index=False)
    draw(folder, median_case(table), here / "weights.png")


if __name__ == "__main__":
    main(*sys.argv[1:])

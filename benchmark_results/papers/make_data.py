"""Data sets of the papers' tables, from Hippocampus (isotropic, 1 mm). Called in the root of the repository:

    export nnUNet_raw=...
    python -m benchmark_results.papers.make_data --source FOLDER/Dataset004_Hippocampus

Writes to `nnUNet_raw`:
- `Dataset506_HippocampusEvery6` and `Dataset512_HippocampusEvery12`: every sixth, every twelfth axial slice;
- `Dataset520_HippocampusMixedSpacing`: slice spacings of 2, 3, 4 and 6 mm, a quarter of the cases each;
- `Dataset521_HippocampusResliced`: the same, but fold 0's training cases are interpolated to 2 mm. Its validation cases
  are as in the former, so that nnU-Net's validation is the test on the original data.
"""

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path

import SimpleITK
from nnunetv2.utilities.crossval_split import generate_crossval_split

from benchmark_results.spacing_shift.make_data import ENDING, thin

MIXED = (2, 3, 4, 6)  # mm
RESLICED = 2.0  # mm, the smallest of the mixed ones
INTERPOLATION = {"images": SimpleITK.sitkLinear, "labels": SimpleITK.sitkNearestNeighbor}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, required=True, help="nnU-Net's raw folder of Hippocampus")
    source, raw = parser.parse_args().source, Path(os.environ["nnUNet_raw"])
    cases = sorted(path.name.removesuffix(ENDING) for path in (source / "labelsTr").glob(f"*{ENDING}"))
    for every in (6, 12):
        write(source, raw / f"Dataset5{every:02d}_HippocampusEvery{every}", dict.fromkeys(cases, every))
    mixed = {case: MIXED[place % len(MIXED)] for place, case in enumerate(cases)}
    write(source, raw / "Dataset520_HippocampusMixedSpacing", mixed)
    write(source, raw / "Dataset521_HippocampusResliced", mixed)
    for case in generate_crossval_split(cases)[0]["train"]:  # nnU-Net's own split of these cases
        reslice(raw / "Dataset521_HippocampusResliced", case)


def write(source: Path, out: Path, spacings: Mapping[str, int]) -> None:
    """A data set of all cases, each with every k-th slice."""
    for case, every in spacings.items():
        thin(source, case, out, "Tr", every, case)
    description = json.loads((source / "dataset.json").read_text())
    (out / "dataset.json").write_text(json.dumps(description | {"name": out.name}, indent=2))
    print(f"Wrote {out}")


def reslice(out: Path, case: str) -> None:
    """Interpolate a case's slices to `RESLICED` mm: the image linearly, the label to the nearest slice."""
    for folder, channel in (("images", "_0000"), ("labels", "")):
        path = out / f"{folder}Tr" / f"{case}{channel}{ENDING}"
        volume = SimpleITK.ReadImage(str(path))
        spacing, size = list(volume.GetSpacing()), list(volume.GetSize())
        extent = (size[2] - 1) * spacing[2]  # between the centres of the first and the last slice
        size[2], spacing[2] = int(extent / RESLICED) + 1, RESLICED
        grid = size, SimpleITK.Transform(), INTERPOLATION[folder], volume.GetOrigin(), spacing
        resliced = SimpleITK.Resample(volume, *grid, volume.GetDirection(), 0, volume.GetPixelID())
        SimpleITK.WriteImage(resliced, str(path))


if __name__ == "__main__":
    main()

"""Turn the predictions of `run.sh OUT` into `cases.csv` and `README.md` beside this file.

python report.py OUT
"""

import csv
import sys
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

from nnunet_slice_attention.environment import hardware, versions
from nnunet_slice_attention.evaluation.nnunet_summary import read_dice
from nnunet_slice_attention.evaluation.statistics import paired_difference, patient_means

HERE = Path(__file__).parent
CLASSES = {"1": "RV", "2": "myocardium", "3": "LV cavity"}
MODELS = {
    "nnUNetTrainer_10epochs": "nnU-Net 2D",
    "nnUNetTrainerCSANet_10epochs": "CSA-Net",
    "ensemble": "ensemble of both",
}


def main(out: Path) -> None:
    dice = {name: read_dice(out / folder / "summary.json", CLASSES) for folder, name in MODELS.items()}
    with (HERE / "cases.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["model", "case", *CLASSES.values()])
        writer.writerows(
            [name, case, *d.values()] for name, cases in dice.items() for case, d in cases.items()
        )
    same, n = count_identical(out / "nnUNetTrainerCSANet_10epochs", out / "imported")
    text = (HERE / "text.md").read_text(encoding="utf-8")
    page = text.format(table=table(dice), same=same, n=n, versions=versions(), hardware=hardware())
    (HERE / "README.md").write_text(page, encoding="utf-8")
    print(page)


def table(dice: dict[str, dict[str, dict[str, float]]]) -> str:
    lines = [
        f"| model | n volumes | n patients | {' | '.join(f'Dice {c}' for c in CLASSES.values())} | Dice | difference |",
        "|" + "---|" * (len(CLASSES) + 5),
    ]
    patients = {name: patient_means(cases, lambda case: case.split("_")[0]) for name, cases in dice.items()}
    baseline = next(iter(patients.values()))
    for name, cases in dice.items():
        columns = [np.array([d[c] for d in cases.values()]) for c in CLASSES.values()]
        cells = [f"{np.nanmean(v):.3f} ± {np.nanstd(v, ddof=1):.3f}" for v in columns]
        of_patients = patients[name].values()
        cells.append(f"{mean(of_patients):.3f} ± {stdev(of_patients):.3f}")
        cells.append("" if patients[name] is baseline else str(paired_difference(baseline, patients[name])))
        lines.append(f"| {name} | {len(cases)} | {len(of_patients)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def count_identical(one: Path, other: Path) -> tuple[int, int]:
    """(volumes with equal voxels and geometry in both folders, volumes)."""
    files = sorted(one.glob("*.nii.gz"))
    same = 0
    for file in files:
        (a, properties_a), (b, properties_b) = (
            SimpleITKIO().read_seg(str(f)) for f in (file, other / file.name)
        )
        same += np.array_equal(a, b) and properties_a == properties_b
    return same, len(files)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))

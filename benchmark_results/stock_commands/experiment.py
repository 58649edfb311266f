"""From raw data to an imported model with nnU-Net's own commands, see `commands.sh`.

python -m experiments run stock_commands
"""

from pathlib import Path

import numpy as np
import pandas as pd

from experiments.collectors import Rows
from experiments.declaration import Experiment, Measure
from experiments.page import Results, made_with
from experiments.tables import CASES, grid, mean_sd, paired_difference

CLASSES = {"1": "RV", "2": "myocardium", "3": "LV cavity"}
STOCK, CSA = "nnUNetTrainer_10epochs", "nnUNetTrainerCSANet_10epochs"
MODELS = {STOCK: "nnU-Net 2D", CSA: "CSA-Net", "ensemble": "ensemble of both"}


def cases(out: Path) -> Rows:
    from nnunet_slice_attention.evaluation.nnunet_summary import read_dice

    return [
        {"model": name, "case": case} | {structure: str(value) for structure, value in dice.items()}
        for folder, name in MODELS.items()
        for case, dice in read_dice(out / folder / "summary.json", CLASSES).items()
    ]


def imported(out: Path) -> Rows:
    """Of each volume whether the imported model gave the same voxels and geometry."""
    from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

    def read(folder: str, case: str):
        return SimpleITKIO().read_seg(str(out / folder / case))

    rows = []
    for path in sorted((out / CSA).glob("*.nii.gz")):
        (a, properties_a), (b, properties_b) = read(CSA, path.name), read("imported", path.name)
        same = np.array_equal(a, b) and properties_a == properties_b
        rows.append({"case": path.name.removesuffix(".nii.gz"), "identical": str(int(same))})
    return rows


def table(results: Results) -> str:
    rows = results.table(CASES)
    rows = rows.assign(
        patient=rows.case.str.split("_").str[0], dice=rows[list(CLASSES.values())].mean(axis=1)
    )
    patients: dict[str, pd.Series] = {
        name: own.groupby("patient").dice.mean() for name, own in rows.groupby("model", sort=False)
    }
    lines, baseline = [], patients[MODELS[STOCK]].to_dict()
    for name, of_patients in patients.items():
        own = rows[rows.model == name]
        dice = [mean_sd(own[column]) for column in CLASSES.values()]
        to_2d = "" if name == MODELS[STOCK] else paired_difference(baseline, of_patients.to_dict())
        lines.append((name, len(own), len(of_patients), *dice, mean_sd(of_patients), to_2d))
    dice = (f"Dice {structure}" for structure in CLASSES.values())
    return grid(("model", "n volumes", "n patients", *dice, "Dice", "difference"), lines)


EXPERIMENT = Experiment(
    measure=[Measure({CASES: cases, "imported.csv": imported}, "bash commands.sh {out} {device}")],
    questions={
        "table": table,
        "same": lambda results: results.table("imported.csv").identical.sum(),
        "n": lambda results: len(results.table("imported.csv")),
        "made_with": made_with(CASES),
    },
)

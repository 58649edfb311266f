"""From raw data to an imported model with nnU-Net's own commands, see `commands.sh`."""

from pathlib import Path

import numpy as np

from experiments.collectors import Rows
from experiments.declaration import Experiment, Measure
from experiments.results import Results
from experiments.tables import CASES, grid, over_patients, scores
from nnunet_slice_attention.report.tables import mean_sd

CLASSES = {"1": "RV", "2": "myocardium", "3": "LV cavity"}
STOCK, CSA = "nnUNetTrainer_10epochs", "nnUNetTrainerCSANet_10epochs"
MODELS = {STOCK: "nnU-Net 2D", CSA: "CSA-Net", "ensemble": "ensemble of both"}


def cases(out: Path) -> Rows:
    from nnunet_slice_attention.fold_validation import evaluated_cases

    rows = []
    for folder, name in MODELS.items():
        for case in evaluated_cases(out / folder / "summary.json"):
            row = {"model": name, "case": Path(case["prediction_file"]).name.removesuffix(".nii.gz")}
            dice = {structure: case["metrics"][label]["Dice"] for label, structure in CLASSES.items()}
            rows.append(row | {structure: str(float(value)) for structure, value in dice.items()})
    return rows


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
    """Dice of each class over volumes, their mean over patients."""
    cases, rows = results.cases(), []
    all_models = scores(cases)  # the first is nnU-Net 2D
    for model, own in cases.groupby("model", sort=False):
        row = {"model": model, "n volumes": own.case.nunique(), "n patients": own.patient.nunique()}
        row |= {
            f"Dice {name}": mean_sd(of_class.dice) for name, of_class in own.groupby("structure", sort=False)
        }
        to_2d = all_models.difference(model) if model in all_models.others else ""
        rows.append(row | {"Dice": over_patients(all_models, model), "difference": to_2d})
    return grid(rows)


EXPERIMENT = Experiment(
    patient=r"(patient\d+)_",
    measure=[Measure({CASES: cases, "imported.csv": imported}, "bash commands.sh {out} {device}")],
    questions={
        "table": table,
        "same": lambda results: results.table("imported.csv").identical.sum(),
        "n": lambda results: len(results.table("imported.csv")),
    },
)

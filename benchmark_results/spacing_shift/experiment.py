"""Trained at one slice spacing, what do the models lose at others?

    python benchmark_results/spacing_shift/make_data.py --source FOLDER/Dataset004_Hippocampus
    nnUNetv2_plan_and_preprocess -d 504 -c 2d 3d_fullres
    nnunet-slice-attention plan-compact -d 504 --batch-size 12 --batch-size-3d 2 -o nnUNetCompact12Plans
    python -m experiments run spacing_shift      # trains what ../thick_hippocampus has not trained yet

Tested on fold 0's validation, which decides nothing in a training. All models predict with `nnUNetv2_predict`, without
mirroring.
"""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from benchmark_results.thick_hippocampus.experiment import EXPERIMENT as THICK_HIPPOCAMPUS
from experiments import tables
from experiments.declaration import Experiment, Predict
from experiments.page import Results, made_with

TRAINED, TESTED = 3, (2, 3, 4, 6)
CHANGED = [every for every in TESTED if every != TRAINED]
BASELINE = "nnUNetTrainer_20epochs 2d"
SHORT = "short_training.csv"
ARMS = ["2D", "3D", "CSA", "SAU", "TSFM", "VA", "CSA_copies", "CSA_4blocks"]
Dice = dict[int, dict[str, float]]  # {every k-th slice: {patient: Dice}}


def dice_of(cases: pd.DataFrame, model: str) -> Dice:
    return {every: tables.patient_values(cases[cases.spacing_mm.round() == every], model) for every in TESTED}


def table(
    title: str, spacings, cell: Callable[[Dice, Dice, int], str], file: str = tables.CASES
) -> tables.Question:
    """A row for each model; a cell is made of the Dice of the model and of nnU-Net 2D, and the spacing."""

    def answer(results: Results) -> str:
        cases = results.table(file)
        dice = {model: dice_of(cases, model) for model in cases.model.unique()}
        baseline = dice.get(BASELINE, {})
        rows = [
            (model, *(cell(own, baseline, every) for every in spacings))
            for model, own in dice.items()
            if cell is not to_2d or own is not baseline
        ]
        return tables.grid(("model", *(f"{title} {every} mm" for every in spacings)), rows)

    return answer


def mean(own: Dice, baseline: Dice, every: int) -> str:
    return tables.mean_sd(own[every].values())


def change(own: Dice, baseline: Dice, every: int) -> str:
    return str(tables.paired_difference(own[TRAINED], own[every]))


def to_2d(own: Dice, baseline: Dice, every: int) -> str:
    return str(tables.paired_difference(baseline[every], own[every]))


EXPERIMENT = Experiment(
    predict=[
        Predict(
            tables.CASES,
            of=replace(THICK_HIPPOCAMPUS, patient=r"(hippocampus_\d+)_"),
            arms=ARMS,
            ways={"stock": "nnUNetv2_predict --continue_prediction --disable_tta"},
            images="imagesTs",
            truth="labelsTs",
        )
    ],
    questions={
        "n": lambda results: len(dice_of(results.table(tables.CASES), BASELINE)[TRAINED]),
        "dice": table("Dice at", TESTED, mean),
        "change": table("change to", CHANGED, change),
        "difference": table(f"minus {BASELINE}, at", TESTED, to_2d),
        "short": table("Dice at", TESTED, mean, SHORT),
        "short_change": table("change to", CHANGED, change, SHORT),
        "made_with": made_with(tables.CASES),
    },
    figures={"spacings.png": tables.spacing_figure},
)

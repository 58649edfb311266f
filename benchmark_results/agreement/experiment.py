"""Does the command `predict` segment as `nnUNetv2_predict` does? Both predict the validation images of fold 0.

    python -m experiments run agreement      # trains what ../acdc40 has not trained yet

nnU-Net's predictions stand in for the truth. No mirroring: its average would hide differences.
"""

from benchmark_results.acdc40.experiment import EXPERIMENT as ACDC40
from experiments.declaration import Experiment, Predict
from experiments.page import Results, made_with
from experiments.tables import Table

COLUMNS = (
    "trainer",
    "structure",
    "volumes",
    "Dice, mean",
    "Dice, lowest",
    "NSD at 2 mm, mean",
    "HD, largest [mm]",
)


def table(results: Results) -> str:
    rows = []
    for (model, structure), own in results.table("cases.csv").groupby(["model", "structure"], sort=False):
        dice = f"{own.dice.mean():.4f}", f"{own.dice.min():.4f}"
        surface = f"{own.nsd.mean():.4f}", f"{own.hd.max():.1f}"
        rows.append((model, structure, str(own.case.nunique()), *dice, *surface))
    return Table("Agreement", COLUMNS, tuple(rows)).markdown()


EXPERIMENT = Experiment(
    predict=[
        Predict(
            "cases.csv",
            of=ACDC40,
            arms=["CSA", "SAU", "TSFM", "VA"],
            ways={
                "stock": "nnUNetv2_predict --disable_tta",
                "predict": "nnunet-slice-attention predict --disable_tta",
            },
            truth="stock",
            model="trainer",
        )
    ],
    questions={"table": table, "made_with": made_with("cases.csv")},
)

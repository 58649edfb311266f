"""Does the command `predict` segment as `nnUNetv2_predict` does? Both predict the validation images of fold 0.

nnU-Net's predictions serve as ground truth. No mirroring: its average would hide differences.
"""

from benchmark_results.acdc40.experiment import EXPERIMENT as ACDC40
from experiments.declaration import Experiment, Predict
from experiments.results import Results
from experiments.tables import titled


def table(results: Results) -> str:
    rows = [
        {
            "trainer": trainer,
            "structure": structure,
            "volumes": own.case.nunique(),
            "Dice, mean": f"{own.dice.mean():.4f}",
            "Dice, lowest": f"{own.dice.min():.4f}",
            "NSD at 2 mm, mean": f"{own.nsd.mean():.4f}",
            "HD, largest [mm]": f"{own.hd.max():.1f}",
        }
        for (trainer, structure), own in results.cases().groupby(["model", "structure"], sort=False)
    ]
    return titled("Agreement", rows)


PREDICT = {"stock": "nnUNetv2_predict", "predict": "nnunet-slice-attention predict"}
WAYS = {way: f"{command} --disable_tta" for way, command in PREDICT.items()}
ARMS = ["CSA", "SAU", "TSFM", "VA"]

EXPERIMENT = Experiment(
    predict=[Predict("cases.csv", ACDC40, ARMS, WAYS, truth="stock", model="trainer")],
    questions={"table": table},
)

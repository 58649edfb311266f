"""Do the networks use the neighbouring slices? On the phantom, whose classes only neighbours tell apart.

nnunet-slice-attention phantom -d 999
nnUNetv2_plan_and_preprocess -d 999 -c 2d
nnunet-slice-attention plan-compact -d 999 --batch-size 4
"""

from experiments.collectors import validated
from experiments.declaration import Experiment, Runs
from experiments.results import Results
from experiments.tables import CASES, grid
from nnunet_slice_attention.report.tables import mean_sd

NETWORKS = ("CSANet", "SAUNet", "TSFMUNet", "VAUNet")
CONTROLS = [f"{name}_RepeatCentre" for name in NETWORKS]
ARMS = (*NETWORKS, *CONTROLS, "CSANet_PaperDirection", "EarlyFusion", "AxialConv")


def dice_of_arms(results: Results) -> str:
    """Mean and SD over seeds of the mean over volumes."""
    cases, rows = dict(list(results.table(CASES).groupby("trainer"))), []
    for trainer in map(results.experiment.trainer, results.experiment.arms):
        if trainer in cases:
            means = cases[trainer].groupby("seed")[["vessel", "nodule"]].mean()
            row = {"trainer": trainer, "seeds": len(means), "volumes per seed": cases[trainer].case.nunique()}
            row |= {f"Dice {name}": mean_sd(means[name]) for name in means}
            rows.append(row | {"both": mean_sd(means.mean(axis=1))})
    return grid(rows)


EXPERIMENT = Experiment(
    dataset="Dataset999_SlicePhantom",
    arms={"2D": "nnUNetTrainer"} | {name: f"nnUNetTrainer{name}" for name in ARMS},
    runs=[Runs({CASES: validated}, seeds=[0, 1, 2])],
    epochs=5,
    precision="bfloat16",
    questions={"table": dice_of_arms},
)

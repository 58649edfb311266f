"""Do the networks use the neighbouring slices? On the phantom, whose classes only neighbours tell apart.

nnunet-slice-attention phantom -d 999
nnUNetv2_plan_and_preprocess -d 999 -c 2d
nnunet-slice-attention plan-compact -d 999 --batch-size 4
"""

from experiments.collectors import validated
from experiments.declaration import Experiment, Runs
from experiments.results import CASES, Results
from experiments.tables import grid
from nnunet_slice_attention.report.tables import mean_sd

NETWORKS = ("CSANet", "SAUNet", "TSFMUNet", "VAUNet")
CONTROLS = [f"{name}_RepeatCentre" for name in NETWORKS]
ARMS = (*NETWORKS, *CONTROLS, "CSANet_PaperDirection", "EarlyFusion", "AxialConv")


def dice_of_arms(results: Results) -> str:
    """Mean and SD over seeds of the mean over volumes."""
    cases, rows = results.cases(), []
    for trainer in map(results.experiment.trainer, results.experiment.arms):
        own = cases[cases.model.isin([trainer, f"{trainer} 2d"])]  # a table's first rows may be without "2d"
        if len(own):
            means = own.pivot_table("dice", "seed", "structure", sort=False)
            row = {"trainer": trainer, "seeds": len(means), "volumes per seed": own.case.nunique()}
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

"""Do the networks use the neighbouring slices? On the phantom, whose classes only neighbours tell apart.

nnunet-slice-attention phantom -d 999
nnUNetv2_plan_and_preprocess -d 999 -c 2d
nnunet-slice-attention plan-compact -d 999 --batch-size 4
python -m experiments run phantom
"""

from experiments.collectors import validated
from experiments.declaration import Experiment, Runs
from experiments.page import Results, made_with
from experiments.tables import CASES, grid, mean_sd, missing

NETWORKS = ("CSANet", "SAUNet", "TSFMUNet", "VAUNet")


def dice_of_arms(results: Results) -> str:
    """Mean and SD over seeds of the mean over volumes."""
    cases = results.table(CASES)
    trainers = map(results.experiment.trainer, results.experiment.arms)
    rows = []
    for trainer in trainers:
        own = cases[cases.trainer == trainer]
        means = own.groupby("seed")[["vessel", "nodule"]].mean()
        dice = (mean_sd(values) for values in (means.vessel, means.nodule, means.mean(axis=1)))
        rows += [(trainer, len(means), (own.seed == own.seed.min()).sum(), *dice)] if len(own) else []
    return grid(("trainer", "seeds", "volumes a seed", "Dice vessel", "Dice nodule", "both"), rows)


EXPERIMENT = Experiment(
    dataset="Dataset999_SlicePhantom",
    arms={
        name or "2D": f"nnUNetTrainer{name}"
        for name in (
            "", *NETWORKS, *(f"{name}_RepeatCentre" for name in NETWORKS), "CSANet_PaperDirection", "EarlyFusion",
            "AxialConv",
        )
    },
    runs=[Runs({"cases.csv": validated}, seeds=[0, 1, 2])],
    epochs=5,
    precision="bfloat16",
    questions={
        "table": dice_of_arms,
        "missing": missing("trainer", seeds=[0, 1, 2]),
        "made_with": made_with("cases.csv"),
    },
)  # fmt: skip

"""How should CSA-Net's attention start? On quickstart's phantom.

nnunet-slice-attention phantom -d 998 --cases 30 --test-cases 8 --seed 0
nnUNetv2_plan_and_preprocess -d 998 -c 2d
nnunet-slice-attention plan-compact -d 998 --batch-size 4 --features 128 --convs 1
"""

import re
from statistics import mean

from experiments.collectors import Rows, validated
from experiments.declaration import Experiment, Runs
from experiments.results import Results
from experiments.run import Run
from experiments.tables import grid
from nnunet_slice_attention.report.tables import mean_sd

COLUMNS = {"vessel": "Dice vessel", "nodule": "Dice nodule", "online": "pseudo Dice by epoch"}


def summary(run: Run) -> Rows:
    """Dice of whole validation volumes, mean and SD over volumes, and nnU-Net's online figure of each epoch."""
    if not (cases := validated(run)):
        return []
    dice = {
        name: [float(row["dice"]) for row in cases if row["structure"] == name]
        for name in ("vessel", "nodule")
    }
    logs = sorted(run.fold_folder().glob("training_log_*.txt"))
    found = re.findall(r"Pseudo dice \[(.+)\]", "".join(path.read_text() for path in logs))
    epochs = [mean(map(float, re.findall(r"float32\(([\d.e-]+)\)", line))) for line in found]
    of_classes = {name: mean_sd(values) for name, values in dice.items()}
    online = ", ".join(f"{value:.2f}" for value in epochs)
    return [{"volumes": str(len(dice["vessel"])), **of_classes, "online": online}]


def table(results: Results) -> str:
    return grid(results.table("runs.csv").drop(columns="commit").rename(columns=COLUMNS))


EXPERIMENT = Experiment(
    dataset="Dataset998_SlicePhantom",
    arms={name: f"nnUNetTrainer{name}" for name in ("CSANet", "CSANet_16heads", "CSANet_PaperDirection")},
    runs=[Runs({"runs.csv": summary}, seeds=[0, 1, 2])],
    epochs=5,
    precision="bfloat16",
    questions={"table": table},
)

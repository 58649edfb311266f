"""How should CSA-Net's attention start? On quickstart's phantom.

nnunet-slice-attention phantom -d 998 --cases 30 --test-cases 8 --seed 0
nnUNetv2_plan_and_preprocess -d 998 -c 2d
nnunet-slice-attention plan-compact -d 998 --batch-size 4 --features 128 --convs 1
python -m experiments run csa_attention
"""

from experiments.collectors import Rows, pseudo_dice, validated
from experiments.declaration import Experiment, Runs
from experiments.page import Results, made_with
from experiments.run import Run
from experiments.tables import grid, mean_sd

CLASSES = ("vessel", "nodule")
COLUMNS = {
    "trainer": "trainer", "seed": "seed", "volumes": "volumes", "vessel": "Dice vessel", "nodule": "Dice nodule",
    "online": "pseudo Dice by epoch",
}  # fmt: skip


def summary(run: Run) -> Rows:
    """Dice of whole validation volumes, mean and SD over volumes, and how it got there."""
    cases = validated(run)
    dice = {name: [float(row["dice"]) for row in cases if row["structure"] == name] for name in CLASSES}
    of_classes = {name: mean_sd(values) for name, values in dice.items()}
    return [{"volumes": str(len(dice["vessel"])), **of_classes, "online": pseudo_dice(run)}] if cases else []


def table(results: Results) -> str:
    rows = results.table("runs.csv")[list(COLUMNS)]
    return grid(tuple(COLUMNS.values()), rows.itertuples(index=False), rule="| --- ")


EXPERIMENT = Experiment(
    dataset="Dataset998_SlicePhantom",
    arms={name: f"nnUNetTrainer{name}" for name in ("CSANet", "CSANet_16heads", "CSANet_PaperDirection")},
    runs=[Runs({"runs.csv": summary}, seeds=[0, 1, 2])],
    epochs=5,
    precision="bfloat16",
    questions={"table": table, "made_with": made_with("runs.csv")},
)

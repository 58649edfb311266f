"""How much GPU memory does training take? Estimated without a GPU, see `memory.py`.

nnUNetv2_plan_and_preprocess -d 27 -c 2d
python -m experiments run gpu_memory
"""

from experiments.declaration import Experiment, Measure
from experiments.page import Results, made_with
from experiments.tables import Table

COLUMNS = ("trainer", "batch", "training step [GB]", "times nnU-Net 2D", "online validation [GB]")
NETWORKS = (
    "", "SliceAttention", "SliceAttention_AllSkips", "SliceAttention_FullSlabs", "EarlyFusion", "AxialConv", "TSFMUNet",
    "VAUNet", "CSANet", "CSANet_5slices", "CSANet_12blocks", "SAUNet",
)  # fmt: skip


def table(results: Results) -> str:
    memory = results.table("memory.csv").set_index("trainer")
    stock = memory.training_gb["nnUNetTrainer"]
    rows = tuple(
        (
            row.Index,
            f"{row.batch_size} x {row.patch}",
            f"{row.training_gb:.1f}",
            f"{row.training_gb / stock:.2f}",
            f"{row.online_validation_gb:.1f}",
        )
        for row in memory.itertuples()
    )
    return Table("Peak", COLUMNS, rows).markdown()


EXPERIMENT = Experiment(
    measure=[
        Measure(
            {"memory.csv": None},
            f"python memory.py --dataset 27 {' '.join(f'nnUNetTrainer{name}' for name in NETWORKS)}",
        )
    ],
    questions={"table": table, "made_with": made_with("memory.csv")},
)

"""How much GPU memory does training take? Estimated without a GPU, see `memory.py`.

nnUNetv2_plan_and_preprocess -d 27 -c 2d
"""

from experiments.declaration import Experiment, Measure
from experiments.results import Results
from experiments.tables import titled

NETWORKS = (
    "", "SliceAttention", "SliceAttention_AllSkips", "SliceAttention_FullSlabs", "EarlyFusion", "AxialConv", "TSFMUNet",
    "VAUNet", "CSANet", "CSANet_5slices", "CSANet_12blocks", "SAUNet",
)  # fmt: skip
TRAINERS = " ".join(f"nnUNetTrainer{name}" for name in NETWORKS)


def table(results: Results) -> str:
    memory = results.table("memory.csv").set_index("trainer")
    rows = [
        {
            "trainer": row.Index,
            "batch": f"{row.batch_size} x {row.patch}",
            "training step [GB]": f"{row.training_gb:.1f}",
            "ratio to nnU-Net 2D": f"{row.training_gb / memory.training_gb['nnUNetTrainer']:.2f}",
            "online validation [GB]": f"{row.online_validation_gb:.1f}",
        }
        for row in memory.itertuples()
    ]
    return titled("Peak", rows)


EXPERIMENT = Experiment(
    measure=[Measure({"memory.csv": None}, f"python memory.py --dataset 27 {TRAINERS}")],
    questions={"table": table},
)

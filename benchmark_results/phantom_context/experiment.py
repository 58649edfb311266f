"""The question of `phantom`, for the slabs that are the default now, on the data of `make quickstart`.

nnunet-slice-attention phantom -d 998 --cases 30 --test-cases 8 --seed 0
nnUNetv2_plan_and_preprocess -d 998 -c 2d
nnunet-slice-attention plan-compact -d 998 --batch-size 4 --features 128 --convs 1
python -m experiments run phantom_context
"""

from benchmark_results.phantom.experiment import dice_of_arms
from experiments.collectors import validated
from experiments.declaration import Experiment, Runs
from experiments.page import made_with
from experiments.tables import missing

NETWORKS = ("CSANet", "SAUNet_ContextSlabs", "SAUNet_ShortSlabs", "TSFMUNet", "VAUNet")

EXPERIMENT = Experiment(
    dataset="Dataset998_SlicePhantom",
    arms={name: f"nnUNetTrainer{name}" for name in NETWORKS},
    runs=[Runs({"cases.csv": validated}, seeds=[0, 1, 2])],
    epochs=5,
    questions={
        "table": dice_of_arms,
        "missing": missing("trainer", seeds=[0, 1, 2]),
        "made_with": made_with("cases.csv"),
    },
)

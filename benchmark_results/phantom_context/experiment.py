"""The question of `phantom`, for the slabs that are the default now, on the data of ../csa_attention."""

from benchmark_results.phantom.experiment import dice_of_arms
from experiments.collectors import validated
from experiments.declaration import Experiment, Runs

NETWORKS = (
    "CSANet", "SAUNet_ContextSlabs", "SAUNet_ShortSlabs", "TSFMUNet", "VAUNet", "LSTMUNet", "LSTMUNet_RepeatCentre",
)  # fmt: skip

EXPERIMENT = Experiment(
    dataset="Dataset998_SlicePhantom",
    # Names of their own: ../csa_attention trains CSANet on these data in mixed precision.
    arms={f"{name}_single": f"nnUNetTrainer{name}" for name in (*NETWORKS, "")},
    runs=[Runs({"cases.csv": validated}, seeds=[0, 1, 2])],
    epochs=5,
    questions={"table": dice_of_arms},
)

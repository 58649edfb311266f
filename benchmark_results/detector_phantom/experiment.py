"""Does a detector use the neighbouring slices? On the phantom of ../csa_attention, which only neighbours can solve.

A small Mask R-CNN on images of one slice, with Volumetric Attention before the proposals, before the heads, and
without; and the same attention in a U-Net. Discs are 20 to 32 pixels wide.
"""

from benchmark_results.phantom.experiment import dice_of_arms
from experiments.collectors import validated
from experiments.declaration import Experiment, Runs
from experiments.detection import detected
from experiments.results import Results
from experiments.tables import grid
from nnunet_slice_attention.report.tables import mean_sd

SMALL = "nnUNetTrainerVAMaskRCNN_ResNet18_1sliceImages"
DETECTED = "detected.csv"
COLUMNS = {
    "ap50": "AP50",
    "sensitivity_0.5": "sensitivity at 0.5 FP per slice",
    "sensitivity_1": "at 1",
    "sensitivity_2": "at 2",
}


def detection_of_arms(results: Results) -> str:
    """Mean and SD over seeds of the mean of both structures."""
    if not results.has(DETECTED):
        return "Not run yet."
    table, rows = results.table(DETECTED), []
    for arm in results.experiment.arms:
        means = table[table.model == results.experiment.model(arm)].groupby("seed")[list(COLUMNS)].mean()
        if len(means):
            row = {"trainer": results.experiment.trainer(arm), "seeds": len(means)}
            rows.append(row | {title: mean_sd(means[name]) for name, title in COLUMNS.items()})
    return grid(rows)


EXPERIMENT = Experiment(
    dataset="Dataset998_SlicePhantom",
    arms={
        "VAMaskRCNN": SMALL,
        "BeforeRCNN": f"{SMALL}_BeforeRCNN",
        "Identity": f"{SMALL}_Identity",
        "RepeatCentre": f"{SMALL}_RepeatCentre",
        "VAUNet": "nnUNetTrainerVAUNet",
    },
    runs=[Runs({"cases.csv": validated, DETECTED: detected}, seeds=[0, 1, 2])],
    epochs=10,
    questions={"table": dice_of_arms, "detection": detection_of_arms},
)

"""Does a detector use the neighbouring slices? On the phantom of ../csa_attention, which only neighbours can solve.

A small Mask R-CNN on images of one slice, with Volumetric Attention before the proposals, before the heads, and
without; and the same attention in a U-Net. Discs are 20 to 32 pixels wide.
"""

from benchmark_results.phantom.experiment import dice_of_arms
from experiments.collectors import validated
from experiments.declaration import Experiment, Runs

SMALL = "nnUNetTrainerVAMaskRCNN_ResNet18_1sliceImages"

EXPERIMENT = Experiment(
    dataset="Dataset998_SlicePhantom",
    arms={
        "VAMaskRCNN": SMALL,
        "BeforeRCNN": f"{SMALL}_BeforeRCNN",
        "Identity": f"{SMALL}_Identity",
        "RepeatCentre": f"{SMALL}_RepeatCentre",
        "VAUNet": "nnUNetTrainerVAUNet",
    },
    runs=[Runs({"cases.csv": validated}, seeds=[0, 1, 2])],
    epochs=10,
    questions={"table": dice_of_arms},
)

"""All networks against nnU-Net 2D and 3D on Hippocampus in thick slices, on a CPU.

    python benchmark_results/spacing_shift/make_data.py --source FOLDER/Dataset004_Hippocampus
    nnUNetv2_plan_and_preprocess -d 504 -c 2d 3d_fullres
    nnunet-slice-attention plan-compact -d 504 --batch-size 12 --batch-size-3d 2 -o nnUNetCompact12Plans

50 epochs of nnU-Net 2D take about as long as 20 of CSA-Net.
"""

from functools import partial

from experiments import tables
from experiments.collectors import compared, logged
from experiments.declaration import Experiment, Runs
from experiments.figures import difference_figure

BOTH = ("cases.csv", "every_fold.csv")
FOLDS = [tables.folds("Folds, against {reference}", reference, *BOTH) for reference in ("2D", "2D_50")]
AGAIN = ["2D", "2D_50", "CSA_50", "CSA_4blocks", "CSA"]  # on a second fold
LABELS = {  # in figures; after 5,000 iterations if nothing else is said
    "2D": "nnU-Net 2D",
    "3D": "nnU-Net 3D",
    "CSA": "CSA-Net, 12 blocks",
    "CSA_4blocks": "CSA-Net",
    "CSA_copies": "CSA-Net, 12 blocks, copies as neighbours",
    "SAU": "SAU-Net",
    "TSFM": "TSFMUNet",
    "VA": "Volumetric Attention",
}
LONGER = {"2D_50": "nnU-Net 2D, 12,500 iterations", "CSA_50": "CSA-Net, 12 blocks, 12,500 iterations"}

EXPERIMENT = Experiment(
    dataset="Dataset504_HippocampusEvery3",
    plans="nnUNetCompact12Plans",
    arms={
        "2D": "nnUNetTrainer_20epochs",
        "3D": "nnUNetTrainer_20epochs 3d_fullres",
        "CSA": "nnUNetTrainerCSANet_12blocks_20epochs",
        "SAU": "nnUNetTrainerSAUNet_20epochs",
        "TSFM": "nnUNetTrainerTSFMUNet_20epochs",
        "VA": "nnUNetTrainerVAUNet_20epochs",
        "CSA_copies": "nnUNetTrainerCSANet_12blocks_RepeatCentreLearning_20epochs",
        "2D_50": "nnUNetTrainer_50epochs",
        "CSA_50": "nnUNetTrainerCSANet_12blocks_50epochs",
        "CSA_4blocks": "nnUNetTrainerCSANet_4blocks_20epochs",
    },
    runs=[
        Runs({"cases.csv": compared, "trainings.csv": logged(every=2)}),
        Runs({"every_fold.csv": compared}, arms=AGAIN, folds=[1]),
        Runs({"every_fold.csv": compared}, arms=["2D", "CSA"], folds=range(5)),
    ],
    chosen_on=0,  # CSA-Net was ahead there after 750 iterations
    questions={
        "differences": tables.differences("2D", "2D_50", "3D", "CSA_copies"),
        "losses": tables.losses(every=2),
        "neighbours": tables.difference("CSA", "CSA_copies"),
        "equal_time": tables.difference("CSA", "2D_50"),
        "long": tables.difference("CSA_50", "2D_50"),
        "blocks": tables.difference("CSA_4blocks", "CSA", *BOTH, folds=[0, 1]),
        "default": tables.difference("CSA_4blocks", "2D", *BOTH, folds=[0, 1]),
        "default_time": tables.difference("CSA_4blocks", "2D_50", *BOTH, folds=[0, 1]),
        "against_3d": tables.difference("CSA", "3D"),
        "folds": lambda results: "\n".join(of_folds(results) for of_folds in FOLDS),
    },
    figures={"differences.png": partial(difference_figure, labels=LABELS | LONGER)},
)

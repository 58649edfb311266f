"""All networks and their controls against nnU-Net 2D and 3D on ACDC40, on a CPU.

nnUNetv2_plan_and_preprocess -d 27 -c 2d 3d_fullres   # then copy splits_final.json to the preprocessed data set
nnunet-slice-attention plan-compact -d 27
"""

from functools import partial

from experiments import tables
from experiments.collectors import compared, logged
from experiments.declaration import Experiment, Runs
from experiments.figures import difference_figure
from experiments.results import Results


def short_slabs(results: Results) -> str:
    """What the networks lost to nnU-Net 2D with an earlier sampling, each against the 2D training of its own time."""
    reference, *planned = map(results.experiment.model, results.experiment.arms)
    before, now = (
        tables.scores(results.cases(file), reference) for file in ("short_slabs.csv", tables.CASES)
    )
    rows = [
        {
            "model": model,
            "previous default slabs [95 % CI]": before.difference(model),
            "context slabs [95 % CI]": now.difference(model) if model in now.models else "not run yet",
        }
        for model in before.models
        if model in planned
    ]
    return tables.titled(f"Dice minus that of {reference}: previous default slabs and context slabs", rows)


LABELS = {  # in figures
    "2D": "nnU-Net 2D",
    "3D": "nnU-Net 3D",
    "SliceAttention": "SliceAttention",
    "CSA": "CSA-Net, 12 blocks",
    "SAU": "SAU-Net",
    "SAU_short_slabs": "SAU-Net in short slabs",
    "SAU_identity": "SAU-Net without its module",
    "TSFM": "TSFMUNet",
    "TSFM_copies": "TSFMUNet, copies as neighbours",
    "LSTM": "LSTMUNet",
    "VA": "Volumetric Attention",
    "VAMaskRCNN": "Volumetric Attention in Mask R-CNN",
    "EarlyFusion": "neighbours as input channels",
    "AxialConv": "one convolution along the slices",
}

EXPERIMENT = Experiment(
    dataset="Dataset027_ACDC40",
    patient=r"(patient\d+)_",
    arms={
        "2D": "nnUNetTrainer_10epochs",
        "3D": "nnUNetTrainer_10epochs 3d_fullres",
        "CSA": "nnUNetTrainerCSANet_12blocks_10epochs",
        "SAU": "nnUNetTrainerSAUNet_10epochs",
        "SAU_short_slabs": "nnUNetTrainerSAUNet_ShortSlabs_10epochs",
        "SAU_identity": "nnUNetTrainerSAUNet_Identity_10epochs",
        "TSFM": "nnUNetTrainerTSFMUNet_10epochs",
        "VA": "nnUNetTrainerVAUNet_10epochs",
        "EarlyFusion": "nnUNetTrainerEarlyFusion_10epochs",
        "AxialConv": "nnUNetTrainerAxialConv_10epochs",
        "TSFM_copies": "nnUNetTrainerTSFMUNet_RepeatCentreLearning_10epochs",
        "SliceAttention": "nnUNetTrainerSliceAttention_10epochs",
        "LSTM": "nnUNetTrainerLSTMUNet_10epochs",
        "VAMaskRCNN": "nnUNetTrainerVAMaskRCNN_ResNet18_1sliceImages_10epochs",
    },
    runs=[
        Runs({"cases.csv": compared, "trainings.csv": logged()}),
        Runs({"every_fold.csv": compared}, arms=["2D", "TSFM"], folds=range(5)),
        Runs({"second_fold.csv": compared}, arms=["2D", "SAU"], folds=[0, 1]),
    ],
    chosen_on=0,  # slabs and optimiser
    questions={
        "differences": tables.differences("2D", "3D", "TSFM_copies"),
        "remedy": tables.difference("SAU", "SAU_short_slabs"),
        "every_fold": tables.folds("Other folds", "2D", "every_fold.csv"),
        "second_fold": tables.folds("SAU-Net on a second fold", "2D", "second_fold.csv"),
        "short_slabs": short_slabs,
        "losses": tables.losses(),
    },
    figures={"differences.png": partial(difference_figure, labels=LABELS)},
)

"""All networks and their controls against nnU-Net 2D and 3D on ACDC40, on a CPU.

nnUNetv2_plan_and_preprocess -d 27 -c 2d 3d_fullres   # then copy splits_final.json to the preprocessed data set
nnunet-slice-attention plan-compact -d 27
python -m experiments run acdc40
"""

from experiments import tables
from experiments.collectors import compared, logged
from experiments.declaration import Experiment, Runs
from experiments.page import Results, made_with


def short_slabs(results: Results) -> str:
    """What the networks lost to nnU-Net 2D with an earlier sampling, each against the 2D training of its own time."""
    earlier, cases = results.table("short_slabs.csv"), results.table(tables.CASES)
    reference, *planned = map(results.experiment.model, results.experiment.arms)
    rows = []
    for model in earlier.model.unique():
        if model in planned:
            done = model in set(cases.model)
            now = str(tables.paired(cases, model, reference).difference) if done else "not run yet"
            rows.append((model, str(tables.paired(earlier, model, reference).difference), now))
    columns = ("model", "before [95 % CI]", "now [95 % CI]")
    return tables.Table(f"Dice minus that of {reference}, before and after", columns, tuple(rows)).markdown()


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
        "TSFM_copies": "nnUNetTrainerTSFMUNet_RepeatCentre_10epochs",
    },
    runs=[
        Runs({"cases.csv": compared, "trainings.csv": logged()}),
        Runs({"every_fold.csv": compared}, arms=["2D", "TSFM"], folds=range(5)),
        Runs({"second_fold.csv": compared}, arms=["2D", "SAU"], folds=[0, 1]),
    ],
    chosen_on=0,  # slabs and optimiser
    questions={
        "accuracy": tables.accuracy,
        "differences": tables.differences("2D", "3D", "TSFM_copies"),
        "remedy": tables.difference("SAU", "SAU_short_slabs"),
        "every_fold": tables.folds("Other folds", "2D", "every_fold.csv"),
        "second_fold": tables.folds("SAU-Net on a second fold", "2D", "second_fold.csv"),
        "short_slabs": short_slabs,
        "losses": tables.losses(),
        "missing": tables.missing(),
        "seeds": tables.count("seed"),
        "volumes": tables.count("case"),
        "patients": tables.count("patient"),
        "least": tables.least_p,
        "commits": tables.commits(),
        "made_with": made_with("cases.csv"),
    },
    figures={"differences.png": tables.difference_figure("2D")},
)

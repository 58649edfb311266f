"""Do the networks train on a GPU as they should, and what does a step cost there? See `measure.py`.

nnUNetv2_plan_and_preprocess -d 27 -c 2d 3d_fullres
nnUNetv2_plan_experiment -d 27 -pl nnUNetPlannerResEncM
python -m experiments run gpu --device cuda --loaders 4
"""

from experiments.collectors import validated
from experiments.declaration import Experiment, Measure, Runs

MEASURED = dict.fromkeys(("eager.csv", "prediction.csv", "compiled.csv", "steps.csv"))

EXPERIMENT = Experiment(
    dataset="Dataset027_ACDC40",
    plans="nnUNetPlans",
    arms={
        "2D": "nnUNetTrainer_20epochs",
        "CSA": "nnUNetTrainerCSANet_20epochs",
        "CSA_10": "nnUNetTrainerCSANet_10epochs",
        "3D": "nnUNetTrainer_20epochs 3d_fullres",
    },
    runs=[Runs({"cases.csv": validated})],
    measure=[Measure(MEASURED, "python measure.py --dataset 27 --models models.txt --device {device} -o .")],
)

"""Writing plans where `doctor` looks for them, and running it; the fixtures are in conftest.py."""

import json

from nnunet_slice_attention.cli import main

CSA = "nnUNetTrainerCSANet"


def write_plans(folders, plans, preprocessed=True, name="nnUNetPlans"):
    folder = folders / "nnUNet_preprocessed" / plans["dataset_name"]
    folder.mkdir()
    (folder / f"{name}.json").write_text(json.dumps(plans))
    description = {"labels": {"background": 0, "disc": 1, "ignore": 2}, "file_ending": ".nii.gz"}
    (folder / "dataset.json").write_text(json.dumps(description))
    if preprocessed:
        (folder / "nnUNetPlans_2d").mkdir()


def diagnose(capsys, *flags) -> tuple[int, str]:
    """Exit status and output of `doctor`."""
    status = main(["doctor", *flags])
    return status, capsys.readouterr().out

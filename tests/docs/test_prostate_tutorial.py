"""The tutorial's commands, on a small synthetic data set in the Decathlon's format."""

import json
import os
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from nnunet_slice_attention.cli import main
from tests.docs.real_parsers import PROGRAMS
from tests.docs.shell_blocks import commands_of, shell_blocks
from tests.tiny_data import draw_volume, narrow

PAGE = Path(__file__).parents[2] / "docs" / "getting-started" / "prostate.md"
DATASET = "Dataset005_Prostate"


@pytest.fixture
def decathlon(tmp_path):
    """Two channels as a fourth dimension, labels, and test images, as in the download."""
    root = tmp_path / "Task05_Prostate"
    for folder in ("imagesTr", "labelsTr", "imagesTs"):
        (root / folder).mkdir(parents=True)
    for i in range(7):
        channels, labels = draw_volume(5, i, channels=2, with_ignore=False)
        volumes = [_volume(channel) for channel in channels]
        name = f"prostate_{i:02d}.nii.gz"
        SimpleITK.WriteImage(
            SimpleITK.JoinSeries(volumes), str(root / f"images{'Tr' if i < 6 else 'Ts'}" / name)
        )
        if i < 6:
            SimpleITK.WriteImage(_volume(labels.astype(np.uint8)), str(root / "labelsTr" / name))
    cases = [f"prostate_{i:02d}.nii.gz" for i in range(6)]
    description = {
        "name": "PROSTATE",
        "modality": {"0": "T2", "1": "ADC"},
        "labels": {"0": "background", "1": "PZ", "2": "TZ"},
        "numTraining": 6,
        "numTest": 1,
        "training": [{"image": f"./imagesTr/{c}", "label": f"./labelsTr/{c}"} for c in cases],
        "test": ["./imagesTs/prostate_06.nii.gz"],
    }
    (root / "dataset.json").write_text(json.dumps(description))
    return root


def _volume(array: np.ndarray) -> SimpleITK.Image:
    image = SimpleITK.GetImageFromArray(array)
    image.SetSpacing((0.6, 0.6, 3.6))
    return image


def shortened(words: list[str]) -> str:
    """With tiny trainers, on a CPU, one fold and without the 2D network; otherwise as written."""
    command = shlex.join(words)
    if "doctor" in words:  # accepts trainers of the package only
        return command
    command = command.replace("nnUNetTrainer__nnUNetPlans__2d ", "")
    command = command.replace("nnUNetTrainer", "Tiny_nnUNetTrainer").replace("-f 0 1 2 3 4", "-f 0")
    return f"{command} -device cpu" if re.search(r" (crossval|predict) ", command) else command


def test_the_commands_work_in_order(decathlon, run_nnunet, nnunet_folders, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written = [
        command
        for block in shell_blocks([PAGE])
        for command in commands_of(block, PROGRAMS, tmp_path, os.environ)
    ]
    programs = [command[0] for command in written]
    assert programs[:2] == ["nnUNetv2_convert_MSD_dataset", "nnUNetv2_plan_and_preprocess"]
    assert programs[2:] == 5 * ["nnunet-slice-attention"]
    for command in written:
        program, *arguments = shlex.split(shortened(command))
        if program == "nnunet-slice-attention":
            assert main(arguments) == 0, command
        else:
            run_nnunet(program, *arguments)
        if program == "nnUNetv2_plan_and_preprocess":
            plans = nnunet_folders / "preprocessed" / DATASET / "nnUNetPlans.json"
            plans.write_text(json.dumps(narrow(json.loads(plans.read_text()))))
    assert "3d_fullres" in (tmp_path / "prostate" / "comparison" / "report.md").read_text()
    (instructions,) = (nnunet_folders / "results" / DATASET).glob("inference_instructions.txt")
    assert "nnUNetv2_predict" in instructions.read_text()
    assert [path.name for path in (tmp_path / "prostate_test").glob("*.nii.gz")] == ["prostate_06.nii.gz"]

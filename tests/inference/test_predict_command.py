"""The command `predict`: which cases it predicts, where it writes them, and clear errors of its flags."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nnunet_slice_attention.cli import main
from tests.inference import continued_predictions as continued
from tests.inference.continued_predictions import FAST, FINAL, change
from tests.inference.tiny_model import IN_PROCESSES, MODEL, TRAINER, predict, predict_with
from tests.tiny_data import read


def test_nothing_on_stderr_but_errors(trained, tmp_path):
    """No library's warning, here or in a process that it starts, and no progress bar where that is no terminal."""
    command = [
        sys.executable, "-m", "nnunet_slice_attention", "predict", "-d", trained.id, "-tr", TRAINER, "-f", "0",
        "-i", trained.images, "-o", tmp_path, "-device", "cpu", *IN_PROCESSES, "--disable_tta",
    ]  # fmt: skip
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_one_case_given_as_a_file_is_written_to_one_file(trained, tmp_path, monkeypatch):
    case = sorted(trained.images.glob("*.nii.gz"))[0]
    monkeypatch.chdir(tmp_path)
    target = Path("segmentation.nii.gz")  # without a folder
    assert predict(trained, target, "-f", "0", "--disable_tta", images=[case]) == 0
    assert read(target).shape == read(case).shape


def test_settings_are_recorded_next_to_predictions_and_in_a_comparisons_manifest(trained, tmp_path):
    out = tmp_path / "out"
    assert predict(trained, out, "-f", "0", "1", "--neighbours", "shuffle", "--disable_tta") == 0
    labels = tmp_path / "labels"
    shutil.copytree(out, labels)
    argv = [
        "compare",
        "--predictions",
        f"shuffled={out}",
        "--truth",
        str(labels),
        "-o",
        str(tmp_path / "report"),
    ]
    assert main([*argv, "-np", "1"]) == 0
    noted = json.loads((tmp_path / "report" / "manifest.json").read_text())["models"]["shuffled"][
        "prediction"
    ]
    assert noted["neighbours"] == "shuffle"
    assert noted["folds_averaged"] == 2
    assert noted["mirroring_axes"] == []


def test_existing_predictions_are_skipped_and_parts_split_the_cases(trained, tmp_path):
    assert predict(trained, tmp_path, "-f", "0", "--disable_tta", "-num_parts", "2", "-part_id", "1") == 0
    (done,) = tmp_path.glob("*.nii.gz")
    before = done.stat().st_mtime_ns
    assert predict(trained, tmp_path, "-f", "0", "--disable_tta", "--continue_prediction") == 0
    cases = {p.name.replace("_0000", "") for p in trained.images.glob("*_0000.nii.gz")}
    assert {p.name for p in tmp_path.glob("*.nii.gz")} == cases
    assert done.stat().st_mtime_ns == before


def test_files_of_two_cases_are_not_predicted_as_one(trained, tmp_path, capsys):
    images = [tmp_path / "a_0000.nii.gz", tmp_path / "b_0001.nii.gz"]
    for image in images:
        shutil.copy(next(trained.images.glob("*.nii.gz")), image)
    assert predict(trained, tmp_path / "out.nii.gz", "-f", "0", images=images) == 1
    assert "a_0000.nii.gz and b_0001.nii.gz are of different cases" in capsys.readouterr().err
    assert not (tmp_path / "out.nii.gz").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["-f", "4"], "no checkpoint_final.pth of fold 4. Folds with that file: 0, 1"),
        (["-chk", "checkpoint_latestt.pth"], "no checkpoint_latestt.pth of fold any"),
        (["-p", "nnUNetOtherPlans"], f"Trained models: .*{MODEL}"),
        (["-f", "0", "-part_id", "1"], "-part_id 1 is out of range for -num_parts 1. Give 0 to 0"),
        (["-f", "0", "--slices", "-1"], "-1 slices at a time are too few"),
        (["-f", "0", "-step_size", "2"], "step size 2.0 must be above 0 and at most 1"),
        (
            ["-f", "0", "--neighbours", "none"],
            "neighbours='none' is unknown. Choose one of own, repeat, shuffle",
        ),
        (["-f", "0", "-nps", "1"], "-npp 0 -nps 1: both must be at least 1, or both 0"),
        (
            ["-f", "0", "--boxes"],
            "--boxes needs probabilities, for the boxes' scores. Add --save_probabilities",
        ),
        (["-f", "0", "-i", "nowhere"], "no cases in .*, nowhere. Give a folder"),
        (["-device", "mps"], "device 'mps' is not available. Use -device cpu"),
    ],
)
def test_error_messages(trained, tmp_path, capsys, flags, message):
    assert predict(trained, tmp_path / "out", *flags) == 1
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("out", ["file", "file/out", "file/one.nii.gz"])
def test_an_output_that_cannot_be_written_is_one_error_before_an_image_is_read(
    out, model, patients, tmp_path, capsys, monkeypatch
):
    (tmp_path / "file").write_text("mine")
    monkeypatch.setattr("nnunet_slice_attention.inference.predict.find_problems", None)
    assert predict_with(model, tmp_path / out, patients.one) == 1
    error = capsys.readouterr().err
    assert f"{tmp_path / 'file'} is not a folder that you can write to. Give another with -o" in error
    assert "FAILED" not in error and (tmp_path / "file").read_text() == "mine"


def test_a_model_that_mirrors_slices_is_refused_with_mirroring(predicted, model_copy, tmp_path, capsys):
    change(model_copy / "fold_0" / FINAL, inference_allowed_mirroring_axes=(0, 1))
    out = tmp_path / "out"
    assert continued.predict(predicted, out, model=model_copy) == 1
    assert "axes (0, 1), of which 0 is that of the slices" in capsys.readouterr().err and not out.exists()
    assert continued.predict(predicted, out, FAST, model=model_copy) == 0


@pytest.mark.parametrize("flag", ["-m", "--bundle"])
@pytest.mark.parametrize(
    "ignored", ["-tr nnUNetTrainer", "-p nnUNetPlans", "-c 2d", "-chk checkpoint_best.pth"]
)
def test_flags_that_a_given_model_would_ignore_are_an_error(flag, ignored, trained, tmp_path, capsys):
    argv = ["predict", "-i", str(trained.images), "-o", str(tmp_path / "out"), flag, str(tmp_path / "model")]
    assert main([*argv, *ignored.split(), "-device", "cpu"]) == 1
    error = capsys.readouterr().err
    if (flag, ignored[:4]) == ("-m", "-chk"):
        assert "no checkpoint_best.pth of fold any" in error
    else:
        assert (
            f"{flag} {tmp_path}/model is one model, so {ignored} would have no effect. Leave that out"
            in error
        )


@pytest.mark.parametrize("name", ["seg.nii", "seg.mha", "seg.nrrd", "seg.nii.gz"])
def test_one_case_is_written_to_the_given_file(name, model, patients, tmp_path):
    assert predict_with(model, tmp_path / name, patients.one) == 0
    assert (tmp_path / name).is_file()
    assert read(tmp_path / name).shape == read(patients.one).shape
    assert json.loads((tmp_path / "dataset.json").read_text())["file_ending"] == name[3:]


def test_an_output_format_that_the_model_cannot_write_is_an_error(model, patients, tmp_path, capsys):
    assert predict_with(model, tmp_path / "seg.png", patients.one) == 1
    assert "-o seg.png: the model can write .nii.gz, .nrrd, .mha, .gipl, .nii" in capsys.readouterr().err
    assert not (tmp_path / "seg.png").exists()

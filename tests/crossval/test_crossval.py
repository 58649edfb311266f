"""The verb `crossval`, through nnU-Net's own training and on tiny data."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from nnunet_slice_attention.crossval.training import Settings, Training
from nnunet_slice_attention.model_name import ModelName

OURS, STOCK = (
    ModelName(f"Tiny_{name}", "nnUNetPlans", "2d") for name in ("nnUNetTrainerSAUNet", "nnUNetTrainer")
)


@pytest.fixture(scope="module")
def crossval(nnunet_folders, tiny, tmp_path_factory):
    """The verb in a process and with a results folder of its own: exit status, output, and where things are."""
    root = tmp_path_factory.mktemp("crossval")
    env = os.environ | {"nnUNet_results": str(root / "results")}

    def run(*flags, models=(OURS, STOCK), folds=("0", "1")):
        command = [sys.executable, "-m", "nnunet_slice_attention", "crossval", "-d", str(tiny.id)]
        command += ["-m", *map(str, models), "-f", *folds, "-o", str(root / "out"), "-device", "cpu", *flags]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    run.out, run.models = root / "out", root / "results" / tiny.folder
    return run


@pytest.fixture(scope="module")
def done(crossval, nnunet_folders, tiny):
    result = crossval("--npz", "-i", str(nnunet_folders / "raw" / tiny.folder / "imagesTs"))
    assert result.returncode == 0, result.stderr
    return crossval


def trainings(crossval):
    """The logs of nnU-Net, one for each time that a training was begun."""
    return sorted(crossval.models.glob("*/fold_*/training_log_*.txt"))


def test_a_dry_run_tells_and_does_nothing(crossval):
    result = crossval("--dry-run", "--repeats", "2", folds=("3", "4"))
    assert result.returncode == 0
    assert result.stdout.splitlines() == [
        f"{model}, fold {fold}{repeat}: start"
        for repeat in ("", ", repeat 1")
        for fold in ("3", "4")
        for model in (OURS, STOCK)
    ]
    assert not (crossval.models / str(OURS) / "fold_3").exists()


def test_everything_is_trained_predicted_and_compared(done, nnunet_folders, tiny):
    for model in (OURS, STOCK):
        for fold in (0, 1):
            assert (done.models / str(model) / f"fold_{fold}" / "validation" / "summary.json").is_file()
        predicted = {path.name for path in (done.out / "predictions" / str(model)).glob("*.nii.gz")}
        images = (nnunet_folders / "raw" / tiny.folder / "imagesTs").iterdir()
        assert predicted == {path.name.replace("_0000", "") for path in images}
    report = (done.out / "comparison" / "report.md").read_text()
    assert "folds: 0, 1" in report
    assert "Tiny_nnUNetTrainerSAUNet + Tiny_nnUNetTrainer" in report  # probabilities were kept


def test_the_same_call_again_trains_nothing(done, nnunet_folders, tiny):
    before = trainings(done)
    assert len(before) == 4
    assert done("--npz", "-i", str(nnunet_folders / "raw" / tiny.folder / "imagesTs")).returncode == 0
    assert trainings(done) == before


def test_what_was_lost_is_made_again_and_nothing_else(done):
    before = trainings(done)
    shutil.rmtree(done.models / str(OURS) / "fold_1" / "validation")
    shutil.rmtree(done.models / str(STOCK) / "fold_1")
    assert done("--dry-run", "--npz").stdout.splitlines() == [
        f"{OURS}, fold 0: done",
        f"{STOCK}, fold 0: done",
        f"{OURS}, fold 1: validate",
        f"{STOCK}, fold 1: start",
    ]
    result = done("--npz", "--jobs", "2")
    assert result.returncode == 0, result.stderr
    again = [path for path in trainings(done) if path not in before]
    assert {path.parent.parent.name for path in again} == {str(OURS), str(STOCK)}
    assert "Epoch 0" not in next(p for p in again if str(OURS) in str(p)).read_text()  # validated only


def test_predictions_of_other_folds_are_made_again(done, nnunet_folders, tiny):
    images = str(nnunet_folders / "raw" / tiny.folder / "imagesTs")
    before = {
        path: path.stat().st_mtime_ns for path in (done.out / "predictions" / str(OURS)).glob("*.nii.gz")
    }
    assert done("-i", images, models=(OURS,), folds=("0",)).returncode == 0
    assert all(path.stat().st_mtime_ns > when for path, when in before.items())


def test_what_would_fail_after_the_trainings_is_refused_before_them(crossval, tmp_path):
    assert "no case in" in crossval("-i", str(tmp_path), folds=("2",)).stderr
    refused = crossval("--group", "(nobody)", folds=("2",))
    assert refused.returncode == 1
    assert "(nobody)" in refused.stderr
    assert not (crossval.models / str(OURS) / "fold_2").exists()


@pytest.mark.parametrize(
    ("models", "folds", "said"),
    [
        ((ModelName("nnUNetTrainerCSANett", "nnUNetPlans", "2d"),), ("0",), "nnUNetTrainerCSANett"),
        ((ModelName("nnUNetTrainerCSANet", "nnUNetPlans", "3d_fullres"),), ("0",), "3d_fullres"),
        ((OURS,), ("7",), "fold 7 does not exist"),
        ((ModelName("nnUNetTrainer", "nnUNetPlansX", "2d"),), ("0",), "nnUNetPlansX"),
    ],
)
def test_what_would_fail_in_every_job_is_refused_before_the_first(crossval, models, folds, said):
    result = crossval(models=models, folds=folds)
    assert result.returncode == 1
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert not (crossval.models / str(models[0]) / f"fold_{folds[0]}").exists()


def test_the_state_is_what_lies_on_disk(nnunet_folders, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("nnunet_slice_attention.crossval.training.nnUNet_results", str(tmp_path))
    training = Training(
        str(tiny.id), OURS, "0", Settings(device="cpu", pretrained_weights=tmp_path / "w.pth")
    )
    training.folder.mkdir(parents=True)
    assert training.state() == "start"
    assert training.command()[-2:] == ["-pretrained_weights", str(tmp_path / "w.pth")]
    (training.folder / "checkpoint_latest.pth").write_bytes(b"cut off")
    assert training.state() == "continue"
    assert training.command()[-1] == "--c"
    training.prepare()  # nnU-Net would fail on it at every call
    assert training.state() == "start"
    assert (training.folder / "checkpoint_latest.broken").read_bytes() == b"cut off"
    for name in ("latest", "best"):
        torch.save({}, training.folder / f"checkpoint_{name}.pth")
    os.utime(training.folder / "checkpoint_latest.pth", (1, 1))
    training.prepare()  # --c would take the older one
    assert [p.name for p in training.folder.glob("*.pth")] == ["checkpoint_best.pth"]
    (training.folder / "checkpoint_final.pth").write_bytes(b"cut off")
    training.prepare()
    assert training.state() == "continue"
    torch.save({}, training.folder / "checkpoint_final.pth")
    assert training.state() == "validate"
    validation = training.folder / "validation"
    validation.mkdir()
    (validation / "summary.json").write_text(json.dumps({"metric_per_case": [{}, {}]}))
    assert training.state() == "done"
    with_probabilities = replace(training, settings=Settings(npz=True))
    (validation / "case_0.npz").touch()
    assert with_probabilities.state() == "validate"
    assert with_probabilities.command()[-2:] == ["--npz", "--val"]
    with_probabilities.prepare()
    (validation / "case_1.npz").touch()
    assert with_probabilities.state() == "validate"  # until nnU-Net has written its summary again
    (validation / "summary.before").rename(validation / "summary.json")
    assert with_probabilities.state() == "done"
    assert replace(training, repeat=2).folder == tmp_path / "repeat_2" / training.folder.relative_to(tmp_path)

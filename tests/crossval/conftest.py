"""The command in this process, and checks that start no process of their own."""

import shutil
from pathlib import Path

import pytest

from nnunet_slice_attention import cli
from nnunet_slice_attention.crossval.model_job import Settings
from nnunet_slice_attention.crossval.training_job import TrainingJob
from tests.crossval.replaced_trainer_checks import skip_trainer_checks
from tests.crossval.tiny_crossval import OURS, STOCK


@pytest.fixture
def call(nnunet_folders, tiny, tmp_path, monkeypatch, capsys):
    """Run the command with an empty results folder; returns exit status, stdout and stderr."""
    monkeypatch.setenv("nnUNet_results", str(tmp_path / "results"))

    def run(*flags, models=(OURS, STOCK), folds=("3",)):
        argv = ["crossval", "-d", str(tiny.id), "-m", *map(str, models), "-f", *folds, "-device", "cpu"]
        status = cli.main([*argv, "-o", str(tmp_path / "out"), *flags])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def results(tmp_path, monkeypatch):
    """The results folder of jobs, which does not exist yet."""
    folder = tmp_path / "results"
    monkeypatch.setattr("nnunet_slice_attention.crossval.model_job.nnUNet_results", str(folder))
    return folder


@pytest.fixture
def job(nnunet_folders, tiny, results):
    """Training on fold 0, whose folder is empty."""
    job = TrainingJob(dataset=str(tiny.id), model=OURS, fold="0", settings=Settings(device="cpu"))
    job.folder.mkdir(parents=True)
    return job


@pytest.fixture
def preprocessed(nnunet_folders, tiny, tmp_path, monkeypatch):
    """A copy of the preprocessed data set, which the test may change."""
    monkeypatch.setenv("nnUNet_preprocessed", str(tmp_path / "preprocessed"))
    source = nnunet_folders / "preprocessed" / tiny.folder
    return Path(shutil.copytree(source, tmp_path / "preprocessed" / tiny.folder))


@pytest.fixture
def without_trainer_checks(monkeypatch):
    skip_trainer_checks(monkeypatch)

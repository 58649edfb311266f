"""The command in this process, and checks that start no process of their own."""

import io
import os
import shutil
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name

from nnunet_slice_attention import cli
from nnunet_slice_attention.crossval.model_job import Settings
from nnunet_slice_attention.crossval.trainer_checks import check_trainers
from nnunet_slice_attention.crossval.training_job import TrainingJob
from nnunet_slice_attention.dataset_files import read_splits
from nnunet_slice_attention.messages import in_one_line
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


def skip_trainer_checks(monkeypatch):
    """Skip the process that builds the trainers; the split is read from the preprocessed data set."""

    def check(request):
        folder = Path(os.environ["nnUNet_preprocessed"], maybe_convert_to_dataset_name(request.dataset))
        return read_splits(folder / "splits_final.json")

    _replace_check(monkeypatch, check)


def check_trainers_here(monkeypatch):
    """Build the trainers in this process, which has imported nnU-Net; the other: test_check_before_training.py."""

    def check(request):
        with (
            TemporaryDirectory() as scratch,
            pytest.MonkeyPatch.context() as patch,
            redirect_stdout(io.StringIO()),
        ):
            patch.setenv("nnUNet_results", scratch)
            splits = Path(scratch, "splits_final.json")
            try:
                check_trainers(request, splits)
            except Exception as error:
                raise ValueError(in_one_line(error)) from error
            return read_splits(splits)

    _replace_check(monkeypatch, check)


def _replace_check(monkeypatch, check):
    module = "nnunet_slice_attention.crossval.check_before_training"
    monkeypatch.setattr(f"{module}.check_trainers_in_process", check)

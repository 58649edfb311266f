"""What takes the place of the process that builds a cross-validation's trainers, which imports nnU-Net for seconds.

That process itself is run in test_check_before_training.py, and before trainings in docs/test_prostate_tutorial.py.
"""

import io
import os
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name

from nnunet_slice_attention.crossval.trainer_checks import check_trainers
from nnunet_slice_attention.dataset_files import read_splits
from nnunet_slice_attention.messages import in_one_line


def skip_trainer_checks(monkeypatch):
    """Build no trainer; the split is read from the preprocessed data set."""

    def check(request):
        folder = Path(os.environ["nnUNet_preprocessed"], maybe_convert_to_dataset_name(request.dataset))
        return read_splits(folder / "splits_final.json")

    _replace_check(monkeypatch, check)


def check_trainers_here(monkeypatch):
    """Build the trainers in this process."""

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
            return read_splits(splits) if splits.is_file() else []

    _replace_check(monkeypatch, check)


def _replace_check(monkeypatch, check):
    module = "nnunet_slice_attention.crossval.check_before_training"
    monkeypatch.setattr(f"{module}.check_trainers_in_process", check)

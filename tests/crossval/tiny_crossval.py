"""A 2.5D and a stock model of the tiny data set, and their cross-validation."""

import json

import pytest
import torch

from nnunet_slice_attention.crossval.cross_validation import CrossValidation
from nnunet_slice_attention.crossval.model_job import Settings
from nnunet_slice_attention.model_name import ModelName
from tests import tiny_models

OURS, STOCK = map(ModelName.parse, (tiny_models.OURS, tiny_models.STOCK))
TWO_CASES = json.dumps([{"train": ["case_1"], "val": ["case_0"]}])  # a split of one fold


def tiny_crossval(dataset, folder, **changes):
    defaults = {"models": [OURS], "folds": ["0"], "settings": Settings(device="cpu"), "output": folder}
    return CrossValidation(str(dataset.id), **(defaults | changes))


def refuse_to_launch(jobs):
    pytest.fail(f"{jobs} were launched")


def save_checkpoint(job, name):
    torch.save({}, job.folder / f"checkpoint_{name}.pth")

"""A 2.5D and a stock model of the tiny data set, and a plan of their cross-validation."""

from nnunet_slice_attention.crossval.model_job import Settings
from nnunet_slice_attention.crossval.plan import Plan
from nnunet_slice_attention.model_name import ModelName
from tests import tiny_models

OURS, STOCK = map(ModelName.parse, (tiny_models.OURS, tiny_models.STOCK))


def tiny_plan(dataset, folder, **changes):
    defaults = {"models": [OURS], "folds": ["0"], "settings": Settings(device="cpu"), "output": folder}
    return Plan(str(dataset.id), **(defaults | changes))

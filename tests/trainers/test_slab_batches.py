"""Batches of slabs force foreground as often as nnU-Net 2D's batches of slices."""

import json

import numpy as np
import pytest
import torch

from nnunet_slice_attention.trainers.find_trainer import find_trainer


@pytest.fixture
def forced(nnunet_folders, tiny, monkeypatch):
    """forced(trainer, planned batch size) -> which samples of a batch must contain foreground, batch after batch."""
    monkeypatch.setenv("nnUNet_n_proc_DA", "0")

    def count(name: str, batch_size: int, batches: int = 1) -> list[list[bool]]:
        plans = json.loads(
            (nnunet_folders / "preprocessed" / "Dataset701_Tiny" / "nnUNetPlans.json").read_text()
        )
        plans["configurations"]["2d"]["batch_size"] = batch_size
        dataset = json.loads(
            (nnunet_folders / "preprocessed" / "Dataset701_Tiny" / "dataset.json").read_text()
        )
        plans["continue_training"] = False  # set by nnUNetv2_train
        trainer = find_trainer(name)(plans, "2d", 0, dataset, device=torch.device("cpu"))
        trainer.initialize()
        loader = trainer.get_dataloaders()[0].data_loader
        np.random.seed(0)
        return [[bool(loader.get_do_oversample(i)) for i in range(loader.batch_size)] for _ in range(batches)]

    return count


@pytest.mark.parametrize("batch_size", [1, 2, 5, 12])
def test_as_many_slabs_as_planned_slices_force_it_where_nnunet_2d_does(forced, batch_size):
    expected = forced("nnUNetTrainer", batch_size)
    assert forced("nnUNetTrainerSliceAttention_FromScratch", batch_size) == expected
    assert forced("nnUNetTrainerSliceAttention", batch_size) == expected


def test_fewer_slabs_force_it_in_a_third_on_average(forced):
    drawn = forced("nnUNetTrainerSliceAttention_FullSlabs_FromScratch", 12, batches=200)
    assert len(drawn[0]) == 4
    assert np.mean(drawn) == pytest.approx(0.33, abs=0.05)

"""Subclasses that change what nnU-Net's own variants change: the sampling of foreground, and the optimiser."""

import json

import pytest
import torch
from nnunetv2.training.lr_scheduler.polylr import PolyLRScheduler
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_slice_attention.networks.two_d_weights import added_parameters
from nnunet_slice_attention.trainers.find_trainer import find_trainer


@pytest.fixture
def build(nnunet_folders, tiny, monkeypatch):
    """build(trainer, members): one of a subclass with these members."""
    monkeypatch.setenv("nnUNet_n_proc_DA", "0")
    folder = nnunet_folders / "preprocessed" / tiny.folder

    def of(name: str, **members) -> nnUNetTrainer:
        plans, dataset = (
            json.loads((folder / f"{file}.json").read_text()) for file in ("nnUNetPlans", "dataset")
        )
        plans["continue_training"] = False  # set by nnUNetv2_train
        subclass = type("Subclass", (find_trainer(name),), members)
        return subclass(plans, "2d", 0, dataset, device=torch.device("cpu"))

    return of


def three_in_four(self, plans, configuration, fold, dataset_json, device=torch.device("cuda")):  # noqa: B008
    """As nnU-Net's nnUNetTrainer_probabilisticOversampling."""
    super(type(self), self).__init__(plans, configuration, fold, dataset_json, device)
    self.oversample_foreground_percent, self.probabilistic_oversampling = 0.75, True


@pytest.mark.parametrize("start", ["2DFirst", "FromScratch"])
def test_its_sampling_of_foreground_is_kept_in_all_phases(build, start):
    trainer = build(f"Tiny_nnUNetTrainerSliceAttention_{start}", __init__=three_in_four)
    trainer.initialize()
    for in_2d in (True, False):
        trainer.enter_phase(in_2d)
        loader = trainer.get_dataloaders()[0].data_loader
        assert loader.oversample_foreground_percent == 0.75
        assert loader.get_do_oversample == loader._probabilistic_oversampling


def adam(self):
    """As nnU-Net's nnUNetTrainerVanillaAdam, which does not call `super`."""
    optimizer = torch.optim.Adam(self.network.parameters(), self.initial_lr)
    return optimizer, PolyLRScheduler(optimizer, self.initial_lr, self.num_epochs)


def test_its_optimiser_trains_the_2d_network_first(build):
    trainer = build("Tiny_nnUNetTrainerSliceAttention", configure_optimizers=adam)
    trainer.initialize()
    added = added_parameters(trainer.network)
    for in_2d in (True, False):
        trainer.enter_phase(in_2d)
        trainer.network.train()
        trainer.train_step(next(trainer.get_dataloaders()[0]))
        assert added and all((p.grad is None) == in_2d for p in added)

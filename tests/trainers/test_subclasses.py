"""Subclasses that change what nnU-Net's own variants change: the sampling of foreground, and the optimiser."""

import pytest
import torch
from nnunetv2.training.lr_scheduler.polylr import PolyLRScheduler

from nnunet_slice_attention.networks.two_d_weights import added_parameters


def three_in_four(self, plans, configuration, fold, dataset_json, device=torch.device("cuda")):  # noqa: B008
    """As nnU-Net's nnUNetTrainer_probabilisticOversampling."""
    super(type(self), self).__init__(plans, configuration, fold, dataset_json, device)
    self.oversample_foreground_percent, self.probabilistic_oversampling = 0.75, True


@pytest.mark.parametrize("start", ["2DFirst", "FromScratch"])
def test_its_sampling_of_foreground_is_kept_in_all_phases(subclass, start):
    trainer = subclass(f"Tiny_nnUNetTrainerSliceAttention_{start}", __init__=three_in_four)
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


def test_its_optimiser_trains_the_2d_network_first(subclass):
    trainer = subclass("Tiny_nnUNetTrainerSliceAttention", configure_optimizers=adam)
    trainer.initialize()
    added = added_parameters(trainer.network)
    for in_2d in (True, False):
        trainer.enter_phase(in_2d)
        trainer.network.train()
        trainer.train_step(next(trainer.get_dataloaders()[0]))
        assert added and all((p.grad is None) == in_2d for p in added)

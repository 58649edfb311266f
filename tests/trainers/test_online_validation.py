"""Online validation evaluates the slices that training has a loss on, with the same context and at the same cost."""

import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args

from tests.networks.configurations import DEFAULTS

CONTEXT_TRAINERS = [f"nnUNetTrainer{name}" for name, _ in DEFAULTS if name != "SliceUNet"]


@pytest.mark.parametrize("name", [*CONTEXT_TRAINERS, "nnUNetTrainerCSANet_ShortSlabs"])
def test_validation_and_training_have_targets_for_the_same_slices(name, nnunet_folders, tiny):
    trainer = get_trainer_from_args(str(tiny.id), "2d", 0, name, device=torch.device("cpu"))
    trainer.initialize()
    loaders = trainer.dataloader_train, trainer.dataloader_val = trainer.get_dataloaders()
    try:
        learned, batch = (next(loader) for loader in loaders)
    finally:
        for loader in loaders:
            loader._finish()
    assert [t.shape for t in batch["target"]] == [t.shape for t in learned["target"]]

    trainer.on_validation_epoch_start()
    with torch.no_grad():
        outputs = trainer.network(batch["data"])
    assert [o.shape[2:] for o in outputs] == [t.shape[2:] for t in batch["target"]]
    found = trainer.validation_step(batch)
    labels = batch["target"][0]
    voxels = [int((labels == label).sum()) for label in trainer.label_manager.foreground_labels]
    assert (found["tp_hard"] + found["fn_hard"]).tolist() == voxels

    trainer.on_validation_epoch_end([found])
    with torch.no_grad():
        assert trainer.network(batch["data"])[0].shape[2] == batch["data"].shape[2]

"""The suffix _AdamW: its settings, and its learning rate over a whole training."""

import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args


def test_adamw_has_the_settings_of_nnunets_primus_trainers(nnunet_folders, tiny):
    trainer = get_trainer_from_args(
        str(tiny.id), "2d", 0, "nnUNetTrainerSliceUNet_AdamW", device=torch.device("cpu")
    )
    trainer.initialize()
    optimizer, scheduler = trainer.optimizer, trainer.lr_scheduler
    assert type(optimizer) is torch.optim.AdamW
    expected = {"lr": 3e-4, "betas": (0.9, 0.98), "weight_decay": 5e-2}
    assert {name: optimizer.defaults[name] for name in expected} == expected
    rates = {}
    for epoch in (0, 49, 50, 500):  # of 1000; 5 % are warm-up
        scheduler.step(epoch)
        (group,) = optimizer.param_groups
        rates[epoch] = group["lr"]
    assert rates == pytest.approx(
        {0: 3e-4 / 51, 49: 3e-4 * 50 / 51, 50: 3e-4 * 0.95**0.9, 500: 3e-4 * 0.5**0.9}
    )

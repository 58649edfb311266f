"""The two optimisation schedules a trainer can name."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from nnunetv2.training.lr_scheduler.polylr import PolyLRScheduler

Optimiser = Literal["sgd", "adamw"]
WARMUP_SHARE = 0.05  # of the epochs, as in nnU-Net's Primus trainers: 50 of 1000


class WarmupPolyLRScheduler(PolyLRScheduler):
    """Linear warm-up over the first `warmup` epochs, then nnU-Net's polynomial decay."""

    def __init__(self, optimizer, initial_lr: float, max_steps: int, warmup: int):
        self.warmup = warmup
        super().__init__(optimizer, initial_lr, max_steps)

    def step(self, current_step=None):
        super().step(current_step)
        epoch = self.ctr - 1 if current_step in (None, -1) else current_step
        if epoch < self.warmup:
            for group in self.optimizer.param_groups:
                group["lr"] = self.initial_lr * (epoch + 1) / (self.warmup + 1)


@dataclass(frozen=True)
class Schedule:
    """defaults(trainer) -> (learning rate, weight decay); configure(trainer, stock) -> (optimiser, scheduler)."""

    defaults: Callable[[Any], tuple[float, float]]
    configure: Callable[[Any, Callable], tuple]


def _adamw(trainer, stock):
    """AdamW with warm-up and the settings of nnU-Net's Primus trainers (lr 3e-4, weight decay 0.05)."""
    optimizer = torch.optim.AdamW(
        trainer.network.parameters(), trainer.initial_lr, weight_decay=trainer.weight_decay, betas=(0.9, 0.98)
    )
    warmup = math.ceil(WARMUP_SHARE * trainer.num_epochs)
    return optimizer, WarmupPolyLRScheduler(optimizer, trainer.initial_lr, trainer.num_epochs, warmup)


OPTIMISERS: dict[Optimiser, Schedule] = {
    "sgd": Schedule(
        lambda trainer: (trainer.initial_lr, trainer.weight_decay), lambda trainer, stock: stock()
    ),
    "adamw": Schedule(lambda trainer: (3e-4, 5e-2), _adamw),
}

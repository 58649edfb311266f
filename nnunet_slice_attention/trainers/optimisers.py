"""Optimisers that a trainer can choose, and the warm-up of weights that are added to a 2D network."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from nnunetv2.training.lr_scheduler.polylr import PolyLRScheduler

from ..networks.two_d_weights import added_parameters

Optimiser = Literal["sgd", "adamw"]
WARMUP_SHARE = 0.05  # of the epochs, as in nnU-Net's Primus trainers: 50 of 1000


class WarmupPolyLRScheduler(PolyLRScheduler):
    """nnU-Net's polynomial decay with a linear warm-up per parameter group.

    Args:
        warmups: (first epoch, epochs of warm-up) per parameter group.
    """

    def __init__(self, optimizer, initial_lr: float, max_steps: int, warmups: list[tuple[int, int]]):
        self.warmups = warmups
        super().__init__(optimizer, initial_lr, max_steps)

    def step(self, current_step=None):
        super().step(current_step)
        epoch = self.ctr - 1 if current_step in (None, -1) else current_step
        for group, (begin, length) in zip(self.optimizer.param_groups, self.warmups, strict=True):
            if epoch < begin + length:
                peak = self.initial_lr * (1 - begin / self.max_steps) ** self.exponent
                group["lr"] = peak * max(0, epoch - begin + 1) / (length + 1)


@dataclass(frozen=True)
class Schedule:
    """defaults(trainer) -> (learning rate, weight decay); build(trainer, stock) -> optimiser for all weights.

    `warmup`: fraction of the epochs at the start in which all weights are warmed up.
    """

    defaults: Callable[[Any], tuple[float, float]]
    build: Callable[[Any, Callable], torch.optim.Optimizer]
    warmup: float = 0.0


def _adamw(trainer, stock) -> torch.optim.Optimizer:
    """AdamW with the settings of nnU-Net's Primus trainers (lr 3e-4, weight decay 0.05)."""
    return torch.optim.AdamW(
        trainer.network.parameters(), trainer.initial_lr, weight_decay=trainer.weight_decay, betas=(0.9, 0.98)
    )


OPTIMISERS: dict[Optimiser, Schedule] = {
    "sgd": Schedule(
        lambda trainer: (trainer.initial_lr, trainer.weight_decay), lambda trainer, stock: stock()[0]
    ),
    "adamw": Schedule(lambda trainer: (3e-4, 5e-2), _adamw, WARMUP_SHARE),
}


def configure(trainer, stock: Callable[[], tuple]) -> tuple:
    """(optimiser, scheduler) for a trainer.

    If it starts as a 2D network, its optimiser has two parameter groups in all epochs, that of the 2D network first, so
    that a checkpoint's optimiser state can be loaded in either phase.

    Args:
        trainer: has `optimiser`, `join_epoch` and nnU-Net's attributes.
        stock: nnU-Net's own `configure_optimizers`.
    """
    schedule = OPTIMISERS[trainer.optimiser]
    optimizer, epochs = schedule.build(trainer, stock), trainer.num_epochs
    warmups = [(0, math.ceil(schedule.warmup * epochs))]
    if trainer.join_epoch is not None and (added := added_parameters(trainer.unwrapped_network())):
        _split_off(optimizer, added)
        warmups.append((trainer.join_epoch, math.ceil(WARMUP_SHARE * (epochs - trainer.join_epoch))))
    return optimizer, WarmupPolyLRScheduler(optimizer, trainer.initial_lr, epochs, warmups)


def _split_off(optimizer: torch.optim.Optimizer, added: list[torch.nn.Parameter]) -> None:
    """Move `added` to a second parameter group with the settings of the first."""
    (first,) = optimizer.param_groups
    own = {id(parameter) for parameter in added}
    first["params"] = [parameter for parameter in first["params"] if id(parameter) not in own]
    optimizer.add_param_group({"params": added})

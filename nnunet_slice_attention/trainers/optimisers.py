"""Optimisers that a trainer can choose; weights that are added to a 2D network get a parameter group of their own."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch

from ..networks.two_d_weights import added_parameters
from .combination_check import check_optimiser, check_schedule
from .warmup import WarmupPolyLRScheduler

Optimiser = Literal["sgd", "adamw"]
WARMUP_SHARE = 0.05  # of the epochs, as in nnU-Net's Primus trainers: 50 of 1000


@dataclass(frozen=True)
class OptimiserSettings:
    """How an optimiser is built.

    Attributes:
        defaults: (learning rate, weight decay) from the trainer.
        build: optimiser of all weights, from the trainer and nnU-Net's own `configure_optimizers`.
        warmup: fraction of the epochs at the start in which all weights are warmed up.
    """

    defaults: Callable[[Any], tuple[float, float]]
    build: Callable[[Any, Callable], torch.optim.Optimizer]
    warmup: float = 0.0


def _stock(trainer, stock) -> torch.optim.Optimizer:
    """nnU-Net's SGD, or the optimiser of a class that a trainer of ours is combined with."""
    optimizer, scheduler = stock()
    check_schedule(trainer, scheduler)
    return optimizer


def _adamw(trainer, stock) -> torch.optim.Optimizer:
    """AdamW with the settings of nnU-Net's Primus trainers (lr 3e-4, weight decay 0.05)."""
    check_optimiser(trainer)
    return torch.optim.AdamW(
        trainer.network.parameters(), trainer.initial_lr, weight_decay=trainer.weight_decay, betas=(0.9, 0.98)
    )


OPTIMISERS: dict[Optimiser, OptimiserSettings] = {
    "sgd": OptimiserSettings(lambda trainer: (trainer.initial_lr, trainer.weight_decay), _stock),
    "adamw": OptimiserSettings(lambda trainer: (3e-4, 5e-2), _adamw, WARMUP_SHARE),
}


def optimiser_and_scheduler(trainer, stock: Callable[[], tuple]) -> tuple:
    """(optimiser, scheduler) for a trainer.

    If it starts as a 2D network, its optimiser has two parameter groups in all epochs, that of the 2D network first, so
    that a checkpoint's optimiser state can be loaded in either phase.

    Args:
        trainer: has `optimiser`, `join_epoch` and nnU-Net's attributes.
        stock: nnU-Net's own `configure_optimizers`.
    """
    settings = OPTIMISERS[trainer.optimiser]
    optimizer, epochs = settings.build(trainer, stock), trainer.num_epochs
    warmups = [(0, math.ceil(settings.warmup * epochs))]
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

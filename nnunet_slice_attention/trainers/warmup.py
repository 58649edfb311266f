"""nnU-Net's learning rate with a warm-up, also for weights that join a network later."""

from nnunetv2.training.lr_scheduler.polylr import PolyLRScheduler


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

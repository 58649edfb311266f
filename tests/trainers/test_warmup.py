"""The learning rate: a linear warm-up, then nnU-Net's decay."""

import pytest
import torch

from nnunet_slice_attention.trainers.warmup import WarmupPolyLRScheduler


@pytest.fixture
def optimizer():
    return torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=1.0)


def test_linear_warm_up_then_nnunets_decay(optimizer):
    scheduler = WarmupPolyLRScheduler(optimizer, 1.0, max_steps=100, warmups=[(0, 4)])
    rates = []
    for epoch in range(100):
        scheduler.step(epoch)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates[:4] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert rates[4:] == pytest.approx([(1 - e / 100) ** 0.9 for e in range(4, 100)])


def test_a_resumed_schedule_continues(optimizer):
    scheduler = WarmupPolyLRScheduler(optimizer, 1.0, max_steps=100, warmups=[(0, 4)])
    scheduler.step(50)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.5**0.9)

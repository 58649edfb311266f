"""Compiled and shared among GPUs, as nnU-Net trains on several: the same gradients as alone. One process, on a CPU."""

import copy

import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from tests.networks.configurations import CONTEXT, build, slab

BUCKET_MB = 0.02
CONTEXT_NETWORKS = [("CSANet", {"num_heads": 4, "vit_depth": 1}), ("SAUNet", {}), ("VAUNet", {})]


@pytest.fixture
def process_group(tmp_path, monkeypatch):
    # Of the size of these networks, so that they have several: the cuts are between buckets.
    monkeypatch.setattr(distributed, "_DEFAULT_FIRST_BUCKET_BYTES", int(BUCKET_MB * 2**20))
    setting = torch._dynamo.config.optimize_ddp
    distributed.init_process_group("gloo", f"file://{tmp_path}/rendezvous", rank=0, world_size=1)
    yield
    distributed.destroy_process_group()
    torch._dynamo.config.optimize_ddp = setting
    torch.compiler.reset()


def gradients(network: torch.nn.Module, call: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Of the weights: biases in front of a norm have none but rounding."""
    sum(o.square().mean() for o in call(slab(depth=3, batch=2).float())).backward()
    return {name: p.grad for name, p in network.named_parameters() if p.ndim > 1}


@pytest.mark.parametrize(("name", "options"), CONTEXT_NETWORKS, ids=[name for name, _ in CONTEXT_NETWORKS])
def test_cutting_the_compiled_network_into_buckets_changes_no_gradient(
    name, options, process_group, nnunet_folders, tiny
):
    # A trainer on several GPUs sets what this needs.
    trainer = get_trainer_from_args(str(tiny.id), "2d", 0, f"nnUNetTrainer{name}", device=torch.device("cpu"))
    assert trainer.is_ddp
    network = build(name, options, deep_supervision=True, double=False, learning=CONTEXT).train()
    expected = gradients(alone := copy.deepcopy(network), alone)
    parallel = DistributedDataParallel(torch.compile(network, backend="aot_eager"), bucket_cap_mb=BUCKET_MB)
    found = gradients(network, parallel)
    for weight, gradient in expected.items():
        assert found[weight] is not None, weight
        torch.testing.assert_close(
            found[weight], gradient, rtol=1e-3, atol=1e-3 * gradient.abs().max().item()
        )

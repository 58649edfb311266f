"""Compiled and with DDP, as nnU-Net trains on several GPUs: the same gradients as without. One process, on a CPU."""

import copy

import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from tests.networks.configurations import CONTEXT, UNETS, build, slab

BUCKET_MB = 0.02
NAME, OPTIONS = "CSANet", {"num_heads": 4, "vit_depth": 1}  # its gradients are wrong if DDP splits its graph


@pytest.fixture
def process_group(tmp_path, monkeypatch):
    # So small that these networks have several buckets: DDP splits compiled graphs between buckets.
    monkeypatch.setattr(distributed, "_DEFAULT_FIRST_BUCKET_BYTES", int(BUCKET_MB * 2**20))
    setting = torch._dynamo.config.optimize_ddp
    distributed.init_process_group("gloo", f"file://{tmp_path}/rendezvous", rank=0, world_size=1)
    yield
    distributed.destroy_process_group()
    torch._dynamo.config.optimize_ddp = setting
    torch.compiler.reset()


def gradients(network: torch.nn.Module, call: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Of weights only: the gradients of biases before a norm are rounding."""
    sum(o.square().mean() for o in call(slab(depth=3, batch=2).float())).backward()
    return {name: p.grad for name, p in network.named_parameters() if p.ndim > 1}


def construct_trainer(dataset, network: str) -> None:
    """In a process group, which sets `torch._dynamo.config.optimize_ddp`."""
    name = f"nnUNetTrainer{network}"
    assert get_trainer_from_args(str(dataset.id), "2d", 0, name, device=torch.device("cpu")).is_ddp


@pytest.mark.parametrize("network", UNETS)
def test_ddp_splits_no_trainers_graph_between_buckets(network, process_group, nnunet_folders, tiny):
    torch._dynamo.config.optimize_ddp = True
    construct_trainer(tiny, network)
    assert torch._dynamo.config.optimize_ddp is False


def test_ddp_buckets_do_not_change_gradients_of_the_compiled_network(process_group, nnunet_folders, tiny):
    construct_trainer(tiny, NAME)
    network = build(NAME, OPTIONS, deep_supervision=True, double=False, learning=CONTEXT).train()
    expected = gradients(plain := copy.deepcopy(network), plain)
    parallel = DistributedDataParallel(torch.compile(network, backend="aot_eager"), bucket_cap_mb=BUCKET_MB)
    found = gradients(network, parallel)
    for weight, gradient in expected.items():
        assert found[weight] is not None, weight
        torch.testing.assert_close(
            found[weight], gradient, rtol=1e-3, atol=1e-3 * gradient.abs().max().item()
        )

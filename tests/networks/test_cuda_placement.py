"""Device errors found without a GPU: PyTorch's fake tensors know their device and refuse to mix two.

They hold no values, so data-dependent code that would make the host wait (`.item()`, `if mask.any()`) fails too. Copies
from the host (indexing with a list), which make the GPU wait, are detected. The backward pass cannot be run this way.
"""

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.networks.configurations import CONTEXT, PATCH, build, every_unet

CUDA = torch.device("cuda", 0)


class NoCopiesFromTheHost(TorchDispatchMode):
    """Fails on copies of CPU tensors to a GPU."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **kwargs or {})
        inputs = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        if isinstance(out, torch.Tensor) and out.device == CUDA:
            # Scalars are passed as kernel arguments.
            stays = all(tensor.device == CUDA or tensor.ndim == 0 for tensor in inputs)
            assert stays, f"{function} copies from the host"
        return out


def moved(network: nn.Module, fake: FakeTensorMode) -> nn.Module:
    """Like `network.cuda()`: parameters and buffers move, other tensors of the modules do not."""
    for module in network.modules():
        for held in (module._parameters, module._buffers):
            for name, tensor in held.items():
                if tensor is not None:
                    copy = fake.from_tensor(tensor.detach())
                    with fake:
                        copy = copy.to(CUDA)
                        held[name] = nn.Parameter(copy) if held is module._parameters else copy
    return network


@every_unet
def test_training_stays_on_the_gpu_without_synchronisation(name, options, monkeypatch):
    # Autocast disables itself without a GPU.
    monkeypatch.setattr("torch.cuda.amp.common.amp_definitely_not_available", lambda: False)
    fake = FakeTensorMode()
    network = build(name, options, deep_supervision=True, double=False, learning=CONTEXT)
    network = moved(network.train(), fake)
    with fake, NoCopiesFromTheHost(), torch.autocast("cuda", torch.float16):
        outputs = network(torch.empty(2, 1, 2 * network.context_radius + 1, *PATCH, device=CUDA))
    assert {(output.device, output.dtype, output.shape[2]) for output in outputs} == {
        (CUDA, torch.float16, 1)
    }


@every_unet
def test_prediction_stays_on_the_gpu_in_both_views(name, options):
    fake = FakeTensorMode()
    network = moved(build(name, options, double=False).eval(), fake)
    n = 2 * network.context_radius + 1
    with fake, NoCopiesFromTheHost(), torch.no_grad():
        valid = torch.ones(2, n, dtype=torch.bool, device=CUDA)
        slab = network(torch.empty(2, 1, n + 1, *PATCH, device=CUDA))
        centre = network(torch.empty(2, n, *PATCH, device=CUDA), valid)
    assert slab.device == centre.device == CUDA
    assert (slab.shape[2:], centre.shape[2:]) == ((n + 1, *PATCH), PATCH)


class PlainTensorAttribute(nn.Module):
    """A tensor that is not a buffer does not move with its module."""

    def __init__(self):
        super().__init__()
        self.offset = torch.ones(1, 1)

    def forward(self, x):
        return x + self.offset


class DependsOnValues(nn.Module):
    def forward(self, x):
        return x * 2 if x.any() else x


class IndexesWithAList(nn.Module):
    def forward(self, x):
        return x[[1, 0]]


@pytest.mark.parametrize(
    ("mistake", "error", "message"),
    [
        (PlainTensorAttribute, AssertionError, "FakeTensors"),
        (DependsOnValues, DataDependentOutputException, "_local_scalar_dense"),
        (IndexesWithAList, AssertionError, "copies from the host"),
    ],
)
def test_these_mistakes_are_detected(mistake, error, message):
    fake = FakeTensorMode()
    network = moved(mistake(), fake)
    with pytest.raises(error, match=message), fake, NoCopiesFromTheHost():
        network(torch.empty(2, 2, device=CUDA))

"""What a GPU would refuse, shown without one: PyTorch's fake tensors know their device and refuse to mix two.

They hold no values either, so a network that asks for one (`.item()`, `if mask.any()`), for which the host would have
to wait, fails here too. What is copied from the host (an index made of a list), for which a GPU waits, is looked for.
The backward pass cannot be run this way.
"""

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.networks.configurations import CONTEXT, PATCH, build, every_network

CUDA = torch.device("cuda", 0)


class NothingFromTheHost(TorchDispatchMode):
    """Refuses copies of CPU tensors to a GPU."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **kwargs or {})
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        if isinstance(made, torch.Tensor) and made.device == CUDA:
            # A scalar goes along with the call.
            stays = all(tensor.device == CUDA or tensor.ndim == 0 for tensor in given)
            assert stays, f"{function} copies from the host"
        return made


def moved(network: nn.Module, fake: FakeTensorMode) -> nn.Module:
    """As `network.cuda()`: parameters and buffers move, whatever else the modules hold stays."""
    for module in network.modules():
        for held in (module._parameters, module._buffers):
            for name, tensor in held.items():
                if tensor is not None:
                    copy = fake.from_tensor(tensor.detach())
                    with fake:
                        copy = copy.to(CUDA)
                        held[name] = nn.Parameter(copy) if held is module._parameters else copy
    return network


@every_network
def test_training_stays_on_the_gpu_and_waits_for_nothing(name, options, monkeypatch):
    # Autocast looks for a GPU and would turn itself off.
    monkeypatch.setattr("torch.cuda.amp.common.amp_definitely_not_available", lambda: False)
    fake = FakeTensorMode()
    network = build(name, options, deep_supervision=True, double=False, learning=CONTEXT)
    network = moved(network.train(), fake)
    with fake, NothingFromTheHost(), torch.autocast("cuda", torch.float16):
        outputs = network(torch.empty(2, 1, 2 * network.context_radius + 1, *PATCH, device=CUDA))
    assert {(output.device, output.dtype, output.shape[2]) for output in outputs} == {
        (CUDA, torch.float16, 1)
    }


@every_network
def test_prediction_stays_on_the_gpu_in_both_views(name, options):
    fake = FakeTensorMode()
    network = moved(build(name, options, double=False).eval(), fake)
    n = 2 * network.context_radius + 1
    with fake, NothingFromTheHost(), torch.no_grad():
        valid = torch.ones(2, n, dtype=torch.bool, device=CUDA)
        slab = network(torch.empty(2, 1, n + 1, *PATCH, device=CUDA))
        centre = network(torch.empty(2, n, *PATCH, device=CUDA), valid)
    assert slab.device == centre.device == CUDA
    assert (slab.shape[2:], centre.shape[2:]) == ((n + 1, *PATCH), PATCH)


class HoldsATensor(nn.Module):
    """A mistake to be found: a tensor that is no buffer does not move with its module."""

    def __init__(self):
        super().__init__()
        self.offset = torch.ones(1, 1)

    def forward(self, x):
        return x + self.offset


class AsksForAValue(nn.Module):
    def forward(self, x):
        return x * 2 if x.any() else x


class IndexesByAList(nn.Module):
    def forward(self, x):
        return x[[1, 0]]


@pytest.mark.parametrize(
    ("mistake", "error", "message"),
    [
        (HoldsATensor, AssertionError, "FakeTensors"),
        (AsksForAValue, DataDependentOutputException, "_local_scalar_dense"),
        (IndexesByAList, AssertionError, "copies from the host"),
    ],
)
def test_these_mistakes_would_be_found(mistake, error, message):
    fake = FakeTensorMode()
    network = moved(mistake(), fake)
    with pytest.raises(error, match=message), fake, NothingFromTheHost():
        network(torch.empty(2, 2, device=CUDA))

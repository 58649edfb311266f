"""docs/how-to/add-a-network.md: the page's code, put where it says, fulfils the contract of networks."""

import re
import sys
import types
from pathlib import Path
from textwrap import dedent

import pytest
import torch

from nnunet_slice_attention.networks import NETWORKS, create_network
from nnunet_slice_attention.trainers import resolver

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "add-a-network.md"


@pytest.fixture
def my_net(monkeypatch):
    text = PAGE.read_text(encoding="utf-8")
    files = re.findall(r"`nnunet_slice_attention/(\w+)/(\w+)\.py`", text)
    blocks = re.findall(r"^   ```python\n(.*?)^   ```", text, flags=re.MULTILINE | re.DOTALL)
    assert len(files) == len(blocks) == 2
    for (folder, name), source in zip(files, blocks, strict=True):
        package = f"nnunet_slice_attention.{folder}"
        module = types.ModuleType(f"{package}.{name}")
        module.__package__ = package
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(compile(dedent(source), f"{folder}/{name}.py", "exec"), module.__dict__)
    monkeypatch.setitem(NETWORKS, "MyNet", module.MyNet)
    torch.manual_seed(0)
    return create_network("MyNet", 1, 2, (32, 32), (4, 8, 8)).double().eval()


def test_the_network_of_the_page_sees_exactly_its_neighbours(my_net):
    x = torch.randn(1, 1, 5, 32, 32, dtype=torch.float64, requires_grad=True)
    logits = my_net(x)
    assert logits.shape == (1, 2, 5, 32, 32)
    logits[:, :, 2].square().sum().backward()
    influence = x.grad.abs().amax(dim=(0, 1, 3, 4))
    assert [i for i in range(5) if influence[i] > 0] == [1, 2, 3]


def test_its_trainer_composes_with_variants_and_schedules(my_net, monkeypatch):
    monkeypatch.setitem(resolver.BASES, "nnUNetTrainerMyNet", {"network_name": "MyNet"})
    trainer = resolver.resolve_trainer("nnUNetTrainerMyNet_5slices_RepeatCentre_50epochs")
    assert trainer.context_radius() == 2 and trainer.network_options["repeat_centre"]
    assert resolver.resolve_trainer("nnUNetTrainerMyNet_From2D").network_options["zero_start"]


def test_a_network_without_zero_start_has_no_trainers_that_need_it(my_net, monkeypatch):
    monkeypatch.setitem(resolver.BASES, "nnUNetTrainerOtherNet", {"network_name": "OtherNet"})

    class WithoutTheOption(type(my_net)):
        def __init__(
            self, in_channels, num_classes, topology, patch_size, deep_supervision=False, **base_options
        ):
            super().__init__(in_channels, num_classes, topology, patch_size, deep_supervision, **base_options)

    monkeypatch.setitem(NETWORKS, "OtherNet", WithoutTheOption)
    assert resolver.resolve_trainer("nnUNetTrainerOtherNet")
    for suffix in ("From2D", "2DFirst"):
        with pytest.raises(ValueError, match="WithoutTheOption has no option zero_start"):
            resolver.resolve_trainer(f"nnUNetTrainerOtherNet_{suffix}")


def test_it_starts_as_the_planned_2d_network(my_net):
    torch.manual_seed(0)
    started = create_network("MyNet", 1, 2, (32, 32), (4, 8, 8), zero_start=True).double().eval()
    x = torch.randn(1, 1, 5, 32, 32, dtype=torch.float64)
    together = started(x)
    started.set_two_dimensional(True)
    torch.testing.assert_close(started(x), together, rtol=0, atol=1e-12)

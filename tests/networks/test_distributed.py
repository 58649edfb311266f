"""Two processes train each network together, as nnU-Net does on several GPUs, here on CPUs."""

import torch
from torch import distributed, multiprocessing

from tests.networks.configurations import DEFAULTS, build, slab

WORLD = 2


def train(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{folder}/rendezvous", rank=rank, world_size=WORLD)
    results = {}
    for name, options in DEFAULTS:
        network = build(name, options, deep_supervision=True, double=False).train()
        start = [p.detach().clone() for p in network.parameters()]
        parallel = torch.nn.parallel.DistributedDataParallel(network)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
        for step in range(3):  # an unused parameter fails the second step
            x = slab(depth=3 + rank + step % 2).float()
            optimizer.zero_grad()
            sum(o.square().mean() for o in parallel(x)).backward()
            optimizer.step()
        results[name] = (start, [p.detach() for p in network.parameters()])
    torch.save(results, f"{folder}/rank{rank}.pt")
    distributed.destroy_process_group()


def test_weights_stay_identical_on_different_slabs_and_no_parameter_is_unused(tmp_path):
    multiprocessing.spawn(train, (str(tmp_path),), nprocs=WORLD)
    one, other = (torch.load(tmp_path / f"rank{r}.pt") for r in range(WORLD))
    for name, _ in DEFAULTS:
        start, weights = one[name]
        assert all(torch.equal(a, b) for a, b in zip(weights, other[name][1], strict=True)), name
        assert not all(torch.equal(a, b) for a, b in zip(weights, start, strict=True)), name

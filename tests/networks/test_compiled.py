"""`torch.compile` compiles once for training and once for validation, and never again.

Compiling takes a minute or more on a GPU; switching modes and decoded slices between epochs must not trigger it.
"""

import subprocess
import sys

import torch
from torch._dynamo.backends.debugging import aot_eager

from tests.networks.configurations import CONTEXT, FEW_STAGES, build, every_default, slab

FRESH = """
import torch
from nnunet_slice_attention.networks import SlabLearning, create_network

compiled = []
def backend(graph, inputs):
    compiled.append(graph)
    return graph.forward

learning = SlabLearning(centre_only=True, context_grad=False)
small = {"vit_depth": 1, "num_heads": 2, "learning": learning}
network = create_network("CSANet", 1, 2, (32, 32), (8, 8, 16), **small).train()
call = torch.compile(network, backend=backend)
for _ in range(3):
    call(torch.randn(1, 1, 3, 32, 32)).mean().backward()
print("compiled", len(compiled))
"""


@every_default
def test_epochs_compile_twice_in_total_into_one_graph_each_that_computes_the_same(name, options):
    torch.compiler.reset()
    network = build(name, options, deep_supervision=True, double=False, learning=CONTEXT, features=FEW_STAGES)
    compiled = []

    def backend(graph, inputs):
        compiled.append(graph)
        return graph.forward if len(compiled) > 1 else aot_eager(graph, inputs)

    call = torch.compile(network, backend=backend)
    x = slab(depth=2 * network.context_radius + 1, batch=2).float()
    expected = network.train()(x)
    for _ in range(3):
        network.train()
        for _ in range(2):
            outputs = call(x)
            sum(output.mean() for output in outputs).backward()
        torch.testing.assert_close(outputs, expected)
        network.eval()
        network.decode_as_in_training(True)
        with torch.no_grad():
            for _ in range(2):
                call(x)
        network.decode_as_in_training(False)
    assert len(compiled) == 2


def test_the_first_step_of_a_process_compiles_once():
    run = subprocess.run([sys.executable, "-c", FRESH], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "compiled 1"

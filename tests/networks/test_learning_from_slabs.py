"""What networks learn from slabs: which slices are decoded in training, encoded, and carry a gradient."""

import pytest
import torch

from nnunet_slice_attention.networks import SlabLearning
from tests.networks.configurations import CONTEXT, build, every_unet, slab


@every_unet
def test_centre_only_training_gives_the_middle_slice_of_the_slab_view(name, options):
    network = build(name, options, deep_supervision=True).train()
    x = slab(depth=3, batch=2)
    expected = [o[:, :, 1:2] for o in network(x)]
    network = build(name, options, deep_supervision=True, learning=SlabLearning(centre_only=True)).train()
    for got, want in zip(network(x), expected, strict=True):
        torch.testing.assert_close(got, want, rtol=0, atol=1e-10)
    assert network.eval()(x)[0].shape[2] == 3


@every_unet
def test_context_slabs_encode_only_slices_that_the_middle_one_is_mixed_with(name, options):
    network, encoded = build(name, options, learning=CONTEXT).train(), []
    network.encoder.register_forward_hook(lambda _, args, __: encoded.append(len(args[0])))
    network(slab(depth=2 * network.context_radius + 1))
    assert sum(encoded) == 2 * network.fusion_radius + 1


@every_unet
@pytest.mark.parametrize("autocast", [False, True])
def test_without_context_grad_the_outputs_are_equal_and_the_context_has_no_gradient(name, options, autocast):
    def built(learning):
        return build(name, options, deep_supervision=True, double=not autocast, learning=learning).train()

    network = built(SlabLearning(centre_only=True))
    radius = network.context_radius
    x = slab(depth=2 * radius + 1, batch=2).to(torch.float32 if autocast else torch.float64).requires_grad_()

    def outputs_and_influence(network):
        x.grad = None
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            outputs = network(x)
        sum(o.float().square().mean() for o in outputs).backward()
        return outputs, x.grad.abs().amax(dim=(0, 1, 3, 4))

    expected, influence = outputs_and_influence(network)
    assert (influence > 0).all()
    network = built(CONTEXT)
    outputs, influence = outputs_and_influence(network)
    tolerance = {"rtol": 0, "atol": 1e-10} if not autocast else {}
    for got, want in zip(outputs, expected, strict=True):
        torch.testing.assert_close(got, want, **tolerance)
    # Slices that enter as channels of the centre's image keep their gradient.
    reached = [i for i in range(2 * radius + 1) if influence[i] > 0]
    assert reached == list(range(radius - network.image_radius, radius + network.image_radius + 1))
    without = {k for k, p in network.named_parameters() if p.grad is None or not p.grad.any()}
    assert {k for k in without if "temperature" not in k or not network.repeat_centre} == set()

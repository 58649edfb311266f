"""With `zero_start` and the weights of nnU-Net's own 2D network, a network has that network's logits.

The reference is the architecture that nnU-Net builds, called on each slice alone.
"""

import pytest
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet, ResidualEncoderUNet
from torch import nn
from torch.nn import functional as F

from nnunet_slice_attention.networks import UNetTopology, create_network
from nnunet_slice_attention.networks.two_d_weights import added_parameters, load_2d_weights
from tests.networks.configurations import FEATURES, PATCH, slab

STARTS = [
    ("SliceAttention", {}),
    ("SliceAttention", {"finest_stage": 0}),
    ("SliceAttention", {"finest_stage": 2, "finer_skips": "mixing", "slices_per_image": 3}),
    ("SliceAttention", {"repeat_centre": True}),
    ("SliceAttention", {"position": True}),
    ("CSANet", {"num_heads": 4, "vit_depth": 1, "zero_start": True}),
    ("SAUNet", {"zero_start": True, "dense": False}),
    ("SAUNet", {"zero_start": True, "dense": False, "shared": False}),
    ("TSFMUNet", {"zero_start": True}),
    ("TSFMUNet", {"zero_start": True, "mode": "local"}),
    ("VAUNet", {"zero_start": True}),
    ("VAUNet", {"zero_start": True, "slices_per_image": 3}),
    ("EarlyFusion", {"zero_start": True}),
    ("EarlyFusion", {"zero_start": True, "repeat_centre": True}),
    ("AxialConv", {"zero_start": True}),
    ("LSTMUNet", {"zero_start": True}),
]
every_start = pytest.mark.parametrize(
    ("name", "options"), STARTS, ids=[f"{n}-{'-'.join(f'{k}={v}' for k, v in o.items())}" for n, o in STARTS]
)
ODD = (33, 47)  # not divisible by the strides
EVERY_PAIR = [  # of values of any two: residual encoder, deep supervision, channels, size
    (False, False, 1, PATCH),
    (False, True, 2, ODD),
    (True, False, 2, ODD),
    (True, True, 1, ODD),
    (True, True, 2, PATCH),
]


def topology(residual: bool) -> UNetTopology:
    plain = UNetTopology.for_patch(PATCH, FEATURES)
    if not residual:
        return plain
    kwargs = dict(plain.kwargs)
    kwargs["n_blocks_per_stage"] = kwargs.pop("n_conv_per_stage")
    return UNetTopology(ResidualEncoderUNet, kwargs)


def two_d_network(topology: UNetTopology, in_channels: int, deep_supervision: bool) -> nn.Module:
    """nnU-Net's own, with random norms and biases: an untrained residual block is the identity."""
    torch.manual_seed(2)
    network = topology.unet_class(
        input_channels=in_channels, num_classes=3, deep_supervision=deep_supervision, **topology.kwargs
    )
    network.apply(network.initialize)
    for parameter in network.parameters():
        if parameter.ndim == 1:
            nn.init.normal_(parameter, mean=0.5, std=0.3)
    return network.double().eval()


def pair(name, options, residual=False, in_channels=1, deep_supervision=False):
    """(nnU-Net's 2D network, ours with its weights)."""
    unet = topology(residual)
    stock = two_d_network(unet, in_channels, deep_supervision)
    ours = create_network(
        name, in_channels, 3, PATCH, topology=unet, deep_supervision=deep_supervision, **options
    )
    ours = ours.double().eval()
    load_2d_weights(ours, stock.state_dict())
    return stock, ours


def slice_by_slice(stock: nn.Module, x: torch.Tensor, stride: tuple[int, int]) -> list[torch.Tensor]:
    """(1, C, S, H, W) -> (1, K, S, h, w) per head, padded for the network and cropped to nnU-Net's target sizes."""
    height, width = x.shape[-2:]
    padded = F.pad(x, (0, -width % stride[1], 0, -height % stride[0]))
    outputs = [stock(padded[:, :, i]) for i in range(x.shape[2])]
    heads = zip(*outputs, strict=True) if isinstance(outputs[0], list) else [outputs]
    cropped = []
    for head in heads:
        logits = torch.stack(list(head), dim=2)
        y, z = (p // s for p, s in zip(padded.shape[-2:], logits.shape[-2:], strict=True))
        cropped.append(logits[..., : max(1, round(height / y)), : max(1, round(width / z))])
    return cropped


@every_start
@pytest.mark.parametrize(("residual", "deep_supervision", "in_channels", "size"), EVERY_PAIR)
def test_the_logits_are_those_of_nnunets_2d_network(
    name, options, residual, deep_supervision, in_channels, size
):
    stock, ours = pair(name, options, residual, in_channels, deep_supervision)
    x = slab(in_channels, depth=4, size=size)
    x[:, :, 3] = 0  # missing: neither an image nor a neighbour of the third slice
    expected = slice_by_slice(stock, x[:, :, :3], ours.total_stride)
    logits = ours(x)
    for found, wanted in zip(logits if deep_supervision else [logits], expected, strict=True):
        torch.testing.assert_close(found[:, :, :3], wanted, rtol=0, atol=1e-9)


@every_start
def test_added_weights_learn_and_then_neighbours_affect_the_output(name, options):
    _, ours = pair(name, options)
    ours.train()
    optimizer = torch.optim.SGD(ours.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        ours(slab(depth=2 * ours.context_radius + 1)).square().mean().backward()
        optimizer.step()
    ours.eval()
    radius, x = ours.context_radius, slab(depth=2 * ours.context_radius + 1)
    changed = x.clone()
    changed[:, :, 0] += torch.randn(PATCH, dtype=torch.float64)
    assert radius == 0 or not torch.equal(ours(x)[:, :, radius], ours(changed)[:, :, radius])


@every_start
def test_in_2d_mode_neighbours_have_no_influence_whatever_was_learned(name, options):
    stock, ours = pair(name, options)
    for parameter in added_parameters(ours):
        nn.init.normal_(parameter, std=0.3)
    ours.set_two_dimensional(True)
    x = slab(depth=5)
    torch.testing.assert_close(ours(x), slice_by_slice(stock, x, ours.total_stride)[0], rtol=0, atol=1e-9)
    x.requires_grad_()
    ours(x)[:, :, 2].square().sum().backward()
    assert [i for i in range(5) if x.grad[:, :, i].any()] == [2]


@every_start
def test_training_in_2d_mode_keeps_the_added_weights(name, options):
    _, ours = pair(name, options)
    ours.train()
    ours.set_two_dimensional(True)
    before = {k: v.clone() for k, v in ours.state_dict().items()}
    optimizer = torch.optim.SGD(ours.parameters(), lr=0.1, momentum=0.99, weight_decay=0.1, nesterov=True)
    for _ in range(3):
        optimizer.zero_grad()
        ours(slab(depth=1, batch=3)).square().mean().backward()
        optimizer.step()
    ours.eval()
    names = {id(parameter): weight for weight, parameter in ours.named_parameters()}
    assert all(torch.equal(p, before[names[id(p)]]) for p in added_parameters(ours))
    first = next(weight for weight in before if weight.startswith("encoder"))
    assert not torch.equal(ours.state_dict()[first], before[first])
    x = slab(depth=3)
    together = ours(x)
    ours.set_two_dimensional(True)
    alone = ours(x)
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-9)


def test_weights_of_another_network_are_an_error_with_both_shapes():
    stock = two_d_network(topology(residual=False), 2, deep_supervision=False)
    ours = create_network("SliceAttention", 1, 3, PATCH, FEATURES)
    with pytest.raises(
        ValueError,
        match=r"encoder\.stages\.0\.0.*\(16, 1, 3, 3\), the 2D model has one of shape \(16, 2, 3, 3\)",
    ):
        load_2d_weights(ours, stock.state_dict())


def test_norms_and_biases_of_the_reference_matter():
    for unet in (topology(False), topology(True)):
        assert unet.unet_class in (PlainConvUNet, ResidualEncoderUNet)
        stock, x = two_d_network(unet, 1, False), slab(depth=1)[:, :, 0]
        with torch.no_grad():
            before = stock(x)
            for name, parameter in stock.named_parameters():
                if parameter.ndim == 1 and "encoder.stages.1" in name:
                    parameter.zero_()
            assert not torch.allclose(stock(x), before)

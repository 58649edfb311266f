"""The contract of all networks, stated once. A new network is tested once it is registered."""

import pytest
import torch
from batchgeneratorsv2.transforms.utils.deep_supervision_downsampling import DownsampleSegForDSTransform

from nnunet_slice_attention.networks import EVERY_SLICE, NETWORKS, create_network
from tests.networks.configurations import (
    CONTEXT,
    DEFAULTS,
    DETECTOR_OPTIONS,
    FEATURES,
    FEW_STAGES,
    MILLIMETRES,
    OPTIONS,
    PATCH,
    POSITION_OPTIONS,
    UNETS,
    build,
    every_network,
    every_unet,
    slab,
)


def test_every_registered_network_is_in_the_contract():
    assert {name for name, _ in OPTIONS + DETECTOR_OPTIONS} == set(NETWORKS)


@every_network
def test_both_views_are_the_same_function(name, options):
    network = build(name, options, in_channels=2).eval()
    n = 2 * network.context_radius + 1
    x = slab(2, n, batch=2)
    channels = x.transpose(1, 2).flatten(1, 2)
    expected = network(x)[:, :, network.context_radius]
    torch.testing.assert_close(network(channels), expected, rtol=0, atol=1e-10)


@every_network
def test_a_slice_depends_on_exactly_the_neighbours_within_its_context_radius(name, options):
    network = build(name, options).eval()
    radius = network.context_radius
    depth, centre = 2 * radius + 5, radius + 2
    x = slab(depth=depth).requires_grad_()
    network(x)[:, :, centre].square().sum().backward()
    influence = x.grad.abs().amax(dim=(0, 1, 3, 4))
    reached = [i for i in range(depth) if influence[i] > 0]
    assert reached == list(range(centre - radius, centre + radius + 1))
    # At initialisation a neighbour must matter by more than rounding, and about equally on both sides.
    assert influence[reached].min() > 1e-5 * influence.max()
    for distance in range(1, radius + 1):
        before, behind = influence[centre - distance], influence[centre + distance]
        assert 0.1 < behind / before < 10, distance


@every_network
def test_a_padded_slice_has_no_influence_and_counts_as_missing(name, options):
    network = build(name, options).eval()
    radius = network.context_radius
    x = slab(depth=radius + 2)
    padded = torch.cat([torch.zeros_like(x[:, :, :radius]), x, torch.zeros_like(x[:, :, :radius])], dim=2)
    torch.testing.assert_close(
        network(padded)[:, :, radius : radius + x.shape[2]], network(x), rtol=0, atol=1e-10
    )


@every_network
def test_the_valid_mask_of_the_channel_view_equals_a_volume_border(name, options):
    network = build(name, options).eval()
    radius = network.context_radius
    x = slab(depth=2 * radius + 1)
    valid = torch.ones(1, 2 * radius + 1, dtype=torch.bool)
    valid[:, :radius] = False
    masked = network(x.transpose(1, 2).flatten(1, 2), valid)
    torch.testing.assert_close(masked, network(x[:, :, radius:])[:, :, 0], rtol=0, atol=1e-10)


@every_unet
def test_any_depth_and_odd_sizes(name, options):
    network = build(name, options, in_channels=2, deep_supervision=True, double=False)
    scales = [[1.0, *(1 / stride for stride in strides)] for strides in network.head_strides]
    downsample = DownsampleSegForDSTransform(scales)
    for depth in (1, 2, 3, 5, 8):
        outputs = network(slab(2, depth, (33, 47), batch=2).float())
        assert outputs[0].shape == (2, 3, depth, 33, 47)
        assert [o.shape[2] for o in outputs] == [depth] * len(outputs)
        targets = downsample(segmentation=torch.zeros(1, depth, 33, 47))["segmentation"]
        assert [o.shape[2:] for o in outputs] == [t.shape[1:] for t in targets]


@every_unet
def test_every_parameter_trains_and_is_saved_once(name, options):
    network = build(name, options, deep_supervision=True).train()
    sum(o.square().mean() for o in network(slab(depth=2 * network.context_radius + 3))).backward()
    # Instance norm cancels the bias of the convolution before it: its gradient is rounding, as in nnU-Net itself.
    without = {k for k, p in network.named_parameters() if p.grad is None or not p.grad.any()}
    # Copies of one slice are equally similar at any temperature.
    assert without == {
        k for k, _ in network.named_parameters() if "temperature" in k and network.repeat_centre
    }
    storages = [v.untyped_storage().data_ptr() for v in network.state_dict().values()]
    assert len(storages) == len(set(storages))
    assert set(dict(network.named_parameters())) <= set(network.state_dict())


@every_network
def test_state_dict_round_trip_restores_the_function(name, options):
    network, other = build(name, options).eval(), build(name, options).eval()
    for parameter in other.parameters():
        torch.nn.init.normal_(parameter)
    other.load_state_dict(network.state_dict())
    x = slab(depth=3)
    assert torch.equal(network(x), other(x))


@every_network
def test_evaluation_is_deterministic(name, options):
    network = build(name, options).eval()
    x = slab(depth=3)
    assert torch.equal(network(x), network(x))


@every_unet
def test_torch_export_gives_the_same_logits(name, options):
    network = build(name, options, double=False).eval()
    x = slab(depth=3).float()
    exported = torch.export.export(network, (x,)).module()
    torch.testing.assert_close(exported(x), network(x))


@pytest.mark.parametrize(
    ("name", "options", "learning"),
    [
        (*DEFAULTS[0], EVERY_SLICE),
        *((*row, CONTEXT) for row in (POSITION_OPTIONS[0], MILLIMETRES)),
    ],
)  # the defaults, with context: test_compiled.py
def test_torch_compile_captures_the_network_in_one_graph(name, options, learning):
    torch.compiler.reset()
    network = build(name, options, double=False, learning=learning, features=FEW_STAGES).train()
    x = slab(depth=3).float()
    expected = network(x)
    compiled = torch.compile(network, fullgraph=True, backend="aot_eager")(x)
    torch.testing.assert_close(compiled, expected)
    compiled.square().mean().backward()


@every_network
def test_only_networks_that_are_symmetric_in_their_paper_ignore_the_slice_order(name, options):
    network = build(name, options).eval()
    x = slab(depth=3)
    reversed_equal = torch.allclose(network(x.flip(2)).flip(2), network(x), atol=1e-10)
    symmetric = (name == "SAUNet" and options.get("shared", True)) or (
        name in ("VAUNet", "VAMaskRCNN") and options.get("slices_per_image", 1) == 1
    )
    assert reversed_equal == (symmetric or network.context_radius == 0)


def test_the_error_for_wrong_channels_gives_the_expected_number():
    network = build("CSANet", {"num_heads": 4, "vit_depth": 1}, in_channels=2)
    with pytest.raises(ValueError, match="3 slices x 2 channels = 6 channels, got 4"):
        network(torch.zeros(1, 4, *PATCH))


def test_an_unknown_network_lists_the_valid_names():
    with pytest.raises(ValueError, match="'CSANett' is unknown.*CSANet"):
        create_network("CSANett")


def test_the_error_for_indivisible_heads_lists_valid_numbers():
    with pytest.raises(
        ValueError, match=r"num_heads=5 does not divide the feature width 32 .*\[1, 2, 4, 8, 16, 32\]"
    ):
        create_network("CSANet", 1, 2, PATCH, FEATURES, num_heads=5)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_a_patch_too_small_to_pool_is_an_error_with_its_size(name):
    from nnunet_slice_attention.networks import UNetTopology

    topology = UNetTopology.for_patch((128, 128))
    with pytest.raises(ValueError, match=r"patch_size=\(8, 8\) is too small to pool"):
        create_network(name, 1, 2, (8, 8), topology=topology)


@pytest.mark.parametrize("name", UNETS)
def test_an_image_too_small_to_pool_is_an_error_with_its_size(name):
    network = create_network(name, 1, 2, PATCH, FEATURES).eval()
    y, x = network.total_stride
    with pytest.raises(
        ValueError, match=rf"an image of \({y}, {x}\) is too small to pool.*more than that on one"
    ):
        network(torch.zeros(1, 1, 3, y, x))
    assert network(torch.zeros(1, 1, 3, y, x + 1)).shape[-2:] == (y, x + 1)

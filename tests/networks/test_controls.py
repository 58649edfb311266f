"""What the controls promise."""

import pytest
import torch

from nnunet_slice_attention.networks import NETWORKS, create_network
from nnunet_slice_attention.networks.tsfm_unet import split_radius
from tests.networks.configurations import DEFAULTS, build, slab

WITH_NEIGHBOURS = [(name, options) for name, options in DEFAULTS if name != "SliceUNet"]


@pytest.mark.parametrize(("name", "options"), WITH_NEIGHBOURS, ids=[name for name, _ in WITH_NEIGHBOURS])
def test_repeat_centre_is_the_same_network_fed_copies_of_the_centre(name, options):
    normal = build(name, options).eval()
    control = build(name, options | {"repeat_centre": True}).eval()
    control.load_state_dict(normal.state_dict())
    x = slab(depth=3)
    radius = normal.context_radius
    copies = x[:, :, 1:2].repeat(1, 1, 4 * radius + 1, 1, 1)  # far from any border
    torch.testing.assert_close(control(x)[:, :, 1], normal(copies)[:, :, 2 * radius], rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", ["CSANet", "AxialConv", "EarlyFusion"])
def test_where_a_neighbour_is_missing_the_centre_stands_in(name):
    network = build(name, dict(DEFAULTS)[name]).eval()
    radius, alone = network.context_radius, slab(depth=1)
    copies = alone.repeat(1, 1, 2 * radius + 1, 1, 1)
    torch.testing.assert_close(network(alone)[:, :, 0], network(copies)[:, :, radius], rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("radius", "layers", "radii"),
    [(3, 2, [2, 1]), (1, 2, [1]), (4, 2, [2, 2]), (5, 3, [2, 2, 1]), (0, 2, [])],
)
def test_stacked_layers_share_the_radius_out_and_the_first_reach_furthest(radius, layers, radii):
    assert split_radius(radius, layers) == radii


@pytest.mark.parametrize("features", [(16, 32, 64), (32, 64, 128, 256)])
def test_dense_stages_hold_no_more_weights_than_the_plan_s(features):
    def count(name):
        network = create_network(name, 1, 2, (64, 64), features)
        stages = [*network.encoder.stages, *network.decoder.stages]
        return [sum(p.numel() for p in stage.parameters()) for stage in stages]

    dense, plain = count("SAUNet"), count("SliceUNet")
    assert all(d <= p for d, p in zip(dense, plain, strict=True))
    assert sum(dense) > 0.7 * sum(plain)  # growth comes in steps of 8 channels


def test_no_network_takes_a_negative_radius_or_no_layer():
    with pytest.raises(ValueError, match="num_layers=0 must be 1 or more"):
        create_network("TSFMUNet", 1, 2, (32, 32), (16, 32), num_layers=0)
    for name in sorted(set(NETWORKS) - {"SliceUNet"}):
        with pytest.raises(ValueError, match="context_radius=-1 must be 0 or more"):
            create_network(name, 1, 2, (32, 32), (16, 32), context_radius=-1)

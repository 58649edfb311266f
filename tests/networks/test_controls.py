"""The controls compute what they claim to."""

import pytest
import torch

from nnunet_slice_attention.networks import NETWORKS, create_network
from nnunet_slice_attention.networks.tsfm_unet import split_radius
from tests.networks.configurations import CONTEXT, DEFAULTS, build, slab

WITH_NEIGHBOURS = [(name, options) for name, options in DEFAULTS if name != "SliceUNet"]


@pytest.mark.parametrize(("name", "options"), WITH_NEIGHBOURS, ids=[name for name, _ in WITH_NEIGHBOURS])
def test_repeat_centre_equals_the_network_on_copies_of_the_centre(name, options):
    normal = build(name, options).eval()
    control = build(name, options | {"repeat_centre": True}).eval()
    control.load_state_dict(normal.state_dict())
    x = slab(depth=3)
    radius = normal.context_radius
    copies = x[:, :, 1:2].repeat(1, 1, 4 * radius + 1, 1, 1)  # far from any border
    torch.testing.assert_close(control(x)[:, :, 1], normal(copies)[:, :, 2 * radius], rtol=0, atol=1e-10)


@pytest.mark.parametrize(("name", "options"), WITH_NEIGHBOURS, ids=[name for name, _ in WITH_NEIGHBOURS])
def test_copies_in_context_slabs_teach_what_real_neighbours_alike_would(name, options):
    """The gradient of every weight is that of the network itself on a slab whose slices are the same."""
    middle = slab(depth=1)

    def gradients(depth, **more):
        network = build(name, options | more, learning=CONTEXT).train()
        copies = middle.repeat(1, 1, depth, 1, 1)
        network(copies).square().mean().backward()
        return {key: p.grad for key, p in network.named_parameters() if p.grad is not None}

    depth = 2 * build(name, options).context_radius + 1
    real, copied = gradients(depth), gradients(depth, repeat_centre=True)
    assert set(real) == set(copied)
    for key, gradient in real.items():
        torch.testing.assert_close(copied[key], gradient, rtol=1e-6, atol=1e-10, msg=key)
    learning = gradients(depth, repeat_centre=True, copies_learn=True)
    differ = any(not torch.allclose(learning[key], gradient, atol=1e-10) for key, gradient in real.items())
    # Copies that enter as channels of an image are no features.
    assert differ == (name != "EarlyFusion")


@pytest.mark.parametrize("name", ["CSANet", "AxialConv", "EarlyFusion"])
def test_missing_neighbours_are_replaced_by_the_centre(name):
    network = build(name, dict(DEFAULTS)[name]).eval()
    radius, alone = network.context_radius, slab(depth=1)
    copies = alone.repeat(1, 1, 2 * radius + 1, 1, 1)
    torch.testing.assert_close(network(alone)[:, :, 0], network(copies)[:, :, radius], rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("radius", "layers", "radii"),
    [(3, 2, [2, 1]), (1, 2, [1]), (4, 2, [2, 2]), (5, 3, [2, 2, 1]), (0, 2, [])],
)
def test_the_radius_is_split_over_layers_with_larger_radii_first(radius, layers, radii):
    assert split_radius(radius, layers) == radii


@pytest.mark.parametrize("features", [(16, 32, 64), (32, 64, 128, 256)])
def test_dense_stages_have_no_more_weights_than_the_planned_ones(features):
    def count(name):
        network = create_network(name, 1, 2, (64, 64), features)
        stages = [*network.encoder.stages, *network.decoder.stages]
        return [sum(p.numel() for p in stage.parameters()) for stage in stages]

    dense, plain = count("SAUNet"), count("SliceUNet")
    assert all(d <= p for d, p in zip(dense, plain, strict=True))
    assert sum(dense) > 0.7 * sum(plain)  # the growth rate is a multiple of 8


@pytest.mark.parametrize(("radius", "layers", "made"), [(1, None, 1), (2, None, 2), (3, 1, 1), (4, 3, 3)])
def test_the_number_of_layers_is_asked_for_or_follows_from_the_radius(radius, layers, made):
    network = create_network("TSFMUNet", 1, 2, (32, 32), (16, 32), context_radius=radius, num_layers=layers)
    assert len(network.transformer) == made


@pytest.mark.parametrize(("radius", "layers"), [(1, 2), (2, 0), (2, 3)])
def test_a_number_of_layers_that_the_radius_cannot_have_is_refused(radius, layers):
    with pytest.raises(ValueError, match=f"num_layers={layers} must be between 1 and the context radius"):
        create_network("TSFMUNet", 1, 2, (32, 32), (16, 32), context_radius=radius, num_layers=layers)


def test_no_network_takes_a_negative_radius():
    for name in sorted(set(NETWORKS) - {"SliceUNet"}):
        with pytest.raises(ValueError, match="context_radius=-1 must be 0 or more"):
            create_network(name, 1, 2, (32, 32), (16, 32), context_radius=-1)
    for name in ("SliceAttention", "VAUNet"):  # whose images of three slices reach one slice further
        with pytest.raises(ValueError, match="context_radius=-1 must be 0 or more"):
            create_network(name, 1, 2, (32, 32), (16, 32), context_radius=-1, slices_per_image=3)


@pytest.mark.parametrize("repeat_centre", [False, True])
def test_repeating_the_centre_for_a_test_leaves_the_network_as_it_was(repeat_centre):
    network = build("TSFMUNet", {"repeat_centre": repeat_centre})
    before = {name: value for name, value in vars(network).items() if "radius" in name or "repeat" in name}
    with network.repeating_centre():
        assert network.context_radius == 0
    assert {name: vars(network)[name] for name in before} == before


def test_attention_at_no_stage_is_refused():
    with pytest.raises(ValueError, match="finest_stage=4: these plans have 4 stages, so no stage would have"):
        build("SliceAttention", {"finest_stage": 4})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"finest_stage": 0}, "no finer one is left to mix.*suffix _SkipsNUp instead of _AllSkips"),
        ({"context_radius": 0}, "no neighbouring slices to mix.*suffix _3slices instead of _1slice"),
        ({"context_radius": 0, "slices_per_image": 3}, "no neighbouring slices to mix"),
    ],
)
def test_mixing_without_a_skip_or_a_slice_to_mix_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        build("SliceAttention", {"finer_skips": "mixing", **options})

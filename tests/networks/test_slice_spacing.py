"""TSFMUNet with slice positions in mm: what the side channel with the slice spacing does, and what its lack does."""

import warnings

import pytest
import torch
from torch.nn import functional as F

from nnunet_slice_attention.inference.whole_stack import segment_stack
from nnunet_slice_attention.networks import SlabLearning, create_network, tsfm_unet
from tests.networks.configurations import CONTEXT, FEATURES, FEW_STAGES, MILLIMETRES, PATCH, build, each, slab

every_control = each([MILLIMETRES, ("TSFMUNet", {**MILLIMETRES[1], "mode": "local", "repeat_centre": True})])
WARNED = tsfm_unet._warn_of_the_assumed_spacing.__wrapped__


@pytest.fixture(autouse=True)
def not_yet_warned():
    WARNED.cache_clear()


def spaced(x, *distances):
    """A batch (B, C, S, H, W) of volumes, slices `distances` apart, with that as their last channel."""
    channel = torch.tensor(distances, dtype=x.dtype)[:, None, None, None, None]
    return torch.cat([x, channel.expand(-1, 1, *x.shape[2:])], dim=1)


def assert_same(found, expected):
    # Positions that count slices are single precision.
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


@every_control
@pytest.mark.parametrize("training", [False, True])
def test_at_the_reference_spacing_it_is_the_network_without_the_option_and_at_others_not(
    name, options, training
):
    network = build(name, options).train(training)
    without = create_network(name, 1, 3, PATCH, FEATURES, **options | {"millimetres": False}).double()
    without.load_state_dict(network.state_dict())
    x = slab()
    counted = without.train(training)(x)
    assert_same(network(spaced(x, 1.0)), counted)
    for distance in (0.3, 1.5, 3.0):
        assert (network(spaced(x, distance)) - counted).abs().max() > 1e-3
    if not training:
        with pytest.warns(UserWarning, match="_Millimetres"):
            assert_same(network(x), counted)


def test_a_slice_apart_from_its_neighbours_is_at_the_distance_of_slices_between_them():
    """One neighbour on each side at twice the spacing is what two slices further away are, the others masked."""
    near, far = (
        build("TSFMUNet", {"millimetres": True, "num_layers": 1, "context_radius": radius})
        for radius in (1, 2)
    )
    far.load_state_dict(near.state_dict())
    x = slab(depth=5)
    x[:, :, 1] = x[:, :, 3] = 0
    expected = far.eval()(spaced(x, 1.0))[:, :, 2]
    assert_same(near.eval()(spaced(x[:, :, ::2], 2.0))[:, :, 1], expected)


@every_control
def test_views_chunks_and_padding_agree_in_a_batch_of_spacings(name, options):
    network = build(name, options, in_channels=2).eval()
    x, distances = slab(2, depth=6, batch=2), (0.5, 2.0)
    one_by_one = torch.cat([network(spaced(x[i : i + 1], d)) for i, d in enumerate(distances)])
    margins = (3, 0, 0, 0, 2, 2)
    slabs = F.pad(spaced(x, *distances), margins)  # as nnU-Net pads, without a side channel there
    padded = network(slabs)
    torch.testing.assert_close(padded, network(spaced(F.pad(x, margins), *distances)))
    torch.testing.assert_close(network(spaced(x, *distances)), one_by_one)
    radius = network.context_radius
    for i in range(2, 8):
        channels = slabs[:, :, i - radius : i + radius + 1].transpose(1, 2).flatten(1, 2)
        torch.testing.assert_close(network(channels), padded[:, :, i])
    with torch.inference_mode():
        chunks = [logits for _, logits in segment_stack(network, spaced(x, *distances), 2)]
    torch.testing.assert_close(torch.cat(chunks, dim=2), one_by_one)


@every_control
def test_slabs_whose_context_has_no_gradient_have_the_same_distances(name, options):
    x = spaced(slab(depth=5), 2.0)
    expected, found = (
        build(name, options, learning=learning).train()(x)
        for learning in (SlabLearning(centre_only=True), CONTEXT)
    )
    torch.testing.assert_close(found, expected)


def test_in_2d_mode_the_spacing_has_no_effect():
    network = build(*MILLIMETRES).eval()
    network.set_two_dimensional(True)
    x = slab(depth=3)
    alone = network(spaced(x, 1.0))
    for distance in (0.5, 3.0):
        assert torch.equal(network(spaced(x, distance)), alone)
        torch.testing.assert_close(network(spaced(x, distance)[:, :, 0]), alone[:, :, 0])


def test_a_prediction_without_spacing_warns_once_and_names_the_command():
    network = build(*MILLIMETRES)
    x = slab(depth=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network.train()(x)
        network.eval()(spaced(x, 1.0))
        torch.export.export(network, (x,))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        network(x), network(x)
        network(x.transpose(1, 2).flatten(1, 2)[:, [0, 0, 1, 2, 2]])  # the channel view
    (warning,) = caught
    assert "median slice spacing of the training data" in str(warning.message)
    assert "`nnunet-slice-attention predict`" in str(warning.message)


def test_a_compiled_network_without_spacing_warns_too():
    torch.compiler.reset()
    network = build(*MILLIMETRES, double=False, features=FEW_STAGES).eval()
    x = slab(depth=3).float()
    compiled = torch.compile(network, backend="eager")
    with torch.no_grad(), pytest.warns(UserWarning, match="_Millimetres"):
        torch.testing.assert_close(compiled(x), network(x))


def test_the_error_for_wrong_channels_gives_the_expected_number():
    network = build(*MILLIMETRES, in_channels=2)
    with pytest.raises(
        ValueError, match="2 channels, or one more with the slice spacing of its volume, got 4"
    ):
        network(slab(4))
    with pytest.raises(ValueError, match="5 slices x 3 channels = 15 channels, got 14"):
        network(torch.zeros(1, 14, *PATCH))

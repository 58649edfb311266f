"""Networks that know where a slice is in its volume: what positions are, and the same logits however they get them."""

import pytest
import torch

from nnunet_slice_attention.networks import create_network
from nnunet_slice_attention.networks.slice_position import relative_positions
from nnunet_slice_attention.networks.two_d_weights import added_parameters
from nnunet_slice_attention.networks.whole_volume import CHUNK
from tests.networks.configurations import FEATURES, PATCH, POSITION_OPTIONS, build, each, slab

every_placed = each(POSITION_OPTIONS)
FAR = ("SliceAttention", {"position": True, "context_radius": 2, "slices_per_image": 3})
every_reach = each([*POSITION_OPTIONS, FAR])


def placed(x, first=0, last=None):
    """A batch (B, C, S, H, W) of volumes that begin and end at these slices, with their positions."""
    depth = x.shape[2]
    last = depth if last is None else last
    positions = [(i - first + 0.5) / (last - first) if first <= i < last else 0 for i in range(depth)]
    channel = torch.tensor(positions).to(x.dtype)[None, None, :, None, None]
    return torch.cat([x, channel.expand(len(x), 1, -1, *x.shape[-2:])], dim=1)


def assert_same(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("valid", "positions"),
    [
        ([1, 1, 1, 1], [1 / 8, 3 / 8, 5 / 8, 7 / 8]),
        ([0, 0, 1, 1, 0], [0, 0, 1 / 4, 3 / 4, 0]),
        ([0, 1, 0, 0, 1], [0, 1 / 8, 3 / 8, 5 / 8, 7 / 8]),  # a hole has its place too
        ([0, 1, 0], [0, 1 / 2, 0]),
        ([1], [1 / 2]),
        ([0, 0, 0], [0, 0, 0]),
    ],
)
def test_positions_are_relative_to_the_first_and_last_slice_that_exists(valid, positions):
    other = [1] * len(valid)
    found = relative_positions(torch.tensor([valid, other], dtype=torch.bool))
    assert found[0].tolist() == pytest.approx(positions)
    assert found[1].tolist() == pytest.approx([(i + 0.5) / len(other) for i in range(len(other))])


@every_placed
def test_it_starts_with_the_logits_of_the_network_without_positions(name, options):
    torch.manual_seed(0)
    network = create_network(name, 1, 3, PATCH, FEATURES, deep_supervision=True, **options).double()
    without = create_network(name, 1, 3, PATCH, FEATURES, deep_supervision=True).double()
    missing = without.load_state_dict(network.state_dict(), strict=False)
    assert not missing.missing_keys and all(k.startswith("slice_position.") for k in missing.unexpected_keys)
    x = slab(depth=5)
    for training in (True, False):
        expected = without.train(training)(x)
        for given in (x, placed(x)):
            for found, wanted in zip(network.train(training)(given), expected, strict=True):
                assert_same(found, wanted)


@every_reach
@pytest.mark.parametrize("in_channels", [1, 2])
def test_whole_volumes_slabs_with_positions_and_the_channel_view_agree(name, options, in_channels):
    network = build(name, options, in_channels).eval()
    x = slab(in_channels, depth=6, batch=2)
    x[1, :, 4:] = 0  # the second volume is shallower
    whole = network(x)
    slabs = torch.cat([placed(x[:1]), placed(x[1:], 0, 4)])
    slabs[:, -1, ..., :5] = 0  # as the padding of an image
    assert_same(network(slabs), whole)
    assert_same(network.train()(x), whole)
    network.eval()
    radius = network.context_radius
    around = torch.nn.functional.pad(slabs, (0, 0, 0, 0, radius, radius))
    for i in range(6):
        channels = around[:, :, i : i + 2 * radius + 1].transpose(1, 2).flatten(1, 2)
        assert_same(network(channels), whole[:, :, i])


@every_reach
def test_a_deep_volume_in_chunks_between_empty_slices_has_the_same_logits(name, options):
    network = build(name, options, deep_supervision=True).eval()
    x = slab(depth=40)
    x[:, :, 20] = 0  # a hole
    empty = torch.zeros_like(x)
    encoded = []
    network.encoder.register_forward_pre_hook(lambda module, inputs: encoded.append(len(inputs[0])))
    with torch.inference_mode():
        at_once = network(placed(x))
        assert encoded == [40]
        encoded.clear()
        in_chunks = network(torch.cat([empty[:, :, :7], x, empty], dim=2))
    for found, wanted in zip(in_chunks, at_once, strict=True):
        assert found.shape[2] == 87
        assert_same(found[:, :, 7:47], wanted)
        assert (found[:, 0, :7] > 0).all() and (found[:, 1:, 47:] < 0).all()
    assert len(encoded) == 3 and max(encoded) <= CHUNK + 2 * network.context_radius


@every_placed
def test_an_empty_volume_is_background(name, options):
    logits = build(name, options).eval()(torch.zeros(2, 1, 3, *PATCH, dtype=torch.float64))
    assert logits.shape == (2, 3, 3, *PATCH)
    assert (logits.argmax(dim=1) == 0).all()


@every_placed
def test_the_same_slice_at_another_place_has_other_logits_also_in_2d_mode(name, options):
    network = build(name, options).eval()
    x = slab(depth=1).expand(-1, -1, 5, -1, -1)
    for two_dimensional in (False, True):
        network.set_two_dimensional(two_dimensional)
        inner = network(x)[:, :, 1:4]  # with two neighbours each
        assert (inner - inner[:, :, :1]).abs().amax(dim=(0, 1, 3, 4))[1:].min() > 1e-3
    assert not any(parameter is weight for parameter in added_parameters(network)
                   for weight in network.slice_position.parameters())  # fmt: skip


@each([("SliceUNet", {"position": True})])
def test_a_compiled_network_segments_whole_volumes_in_chunks_and_an_exported_one_at_once(name, options):
    torch.compiler.reset()
    operations = []

    def backend(graph, inputs):
        operations.extend(str(node.target) for node in graph.graph.nodes)
        return graph.forward

    network = build(name, options, double=False).eval()
    x = slab(depth=CHUNK + 4).float()
    x[:, :, 0] = 0
    with torch.no_grad():
        expected = network(x)
        torch.testing.assert_close(torch.compile(network, backend=backend)(x), expected)
        assert operations and not any("conv" in operation for operation in operations)
        torch.testing.assert_close(torch.export.export(network, (x,)).module()(x), expected)


def test_the_error_for_wrong_channels_gives_the_expected_number():
    network = build("SliceAttention", {"position": True}, in_channels=2)
    with pytest.raises(
        ValueError, match="a slice has 2 channels, or one more with its position in its volume, got 4"
    ):
        network(slab(4))
    with pytest.raises(ValueError, match="3 slices x 3 channels = 9 channels, got 6"):
        network(torch.zeros(1, 6, *PATCH))
    with pytest.raises(ValueError, match="a slice has 1 channels, got 2"):
        build("SliceAttention", {})(slab(2))

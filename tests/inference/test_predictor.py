"""`SlabPredictor` against a brute-force sliding window over the channel view, and against nnU-Net's own predictor."""

import itertools

import numpy as np
import pytest
import torch
from nnunetv2.inference.sliding_window_prediction import compute_gaussian

from tests.inference.network_predictor import K, predictor
from tests.networks.configurations import PATCH, POSITION_OPTIONS, build, each, every_default

pytestmark = pytest.mark.usefixtures("no_plans")


def brute_force(network, volume, mirror_axes):
    """Each slice separately with its true neighbours; explicit loops over tiles and mirrorings."""
    radius, (depth, *size) = network.context_radius, volume.shape[1:]
    pad = [max(0, p - s) for p, s in zip(PATCH, size, strict=True)]
    low = [p // 2 for p in pad]
    volume = torch.nn.functional.pad(
        volume, (low[1], pad[1] - low[1], low[0], pad[0] - low[0], radius, radius)
    )
    valid = torch.nn.functional.pad(torch.ones(1, depth, dtype=torch.bool), (radius, radius))
    gaussian = compute_gaussian(PATCH, 1 / 8, dtype=torch.float32, device=torch.device("cpu"))
    logits = torch.zeros(K, depth, *volume.shape[-2:])
    weights = torch.zeros(volume.shape[-2:])
    starts = []
    for extent, patch in zip(volume.shape[-2:], PATCH, strict=True):
        n = int(np.ceil((extent - patch) / (patch / 2))) + 1
        starts.append([round(i * (extent - patch) / max(1, n - 1)) for i in range(n)])
    flips = [
        c
        for n in range(len(mirror_axes) + 1)
        for c in itertools.combinations([a + 1 for a in mirror_axes], n)
    ]
    for y, x in itertools.product(*starts):
        tile = slice(y, y + PATCH[0]), slice(x, x + PATCH[1])
        weights[tile] += gaussian
        for i, axes in itertools.product(range(depth), flips):
            slices = volume[:, i : i + 2 * radius + 1][(..., *tile)].flip(axes)
            channels = slices.transpose(0, 1).flatten(0, 1)[None]
            out = network(channels, valid[:, i : i + 2 * radius + 1])[0][:, None].flip(axes)[:, 0]
            logits[(slice(None), i, *tile)] += out * gaussian / len(flips)
    logits /= weights
    return logits[:, :, low[0] : low[0] + size[0], low[1] : low[1] + size[1]]


@every_default
@pytest.mark.parametrize(
    ("size", "mirror_axes"),
    [((40, 60), (1, 2)), ((20, 50), ()), ((30, 40), ())],
    ids=["larger", "mixed", "smaller"],
)
def test_logits_equal_the_channel_view_of_each_slice_with_its_true_neighbours(
    name, options, size, mirror_axes
):
    network = build(name, options, double=False).eval()
    for depth, slices in [(1, 4), (2, 1), (3, 64), (10, 4)] + ([] if mirror_axes else [(13, 5)]):
        volume = torch.randn(1, depth, *size, generator=torch.Generator().manual_seed(depth))
        with torch.inference_mode():
            expected = brute_force(network, volume, mirror_axes)
        got = predictor(network, mirror_axes, slices_at_a_time=slices).predict_sliding_window_return_logits(
            volume
        )
        assert got.shape == (K, depth, *size)
        assert (got - expected).abs().max() < 1e-4


@every_default
def test_neighbours_can_be_replaced_to_test_their_use(name, options):
    network = build(name, options, double=False).eval()
    volume = torch.randn(1, 7, *PATCH, generator=torch.Generator().manual_seed(1))
    own, shuffled = (
        predictor(network, (), neighbours=kind).predict_sliding_window_return_logits(volume)
        for kind in ("own", "shuffle")
    )
    got = predictor(network, (), neighbours="repeat").predict_sliding_window_return_logits(volume)
    if name == "SliceUNet":  # has no neighbours
        torch.testing.assert_close(shuffled, own)
        torch.testing.assert_close(got, own)
        return
    again = predictor(network, ()).predict_sliding_window_return_logits(volume)
    torch.testing.assert_close(again, own, rtol=0, atol=0)  # the network is unchanged
    repeated = build(name, options | {"repeat_centre": True}, double=False).eval()
    repeated.load_state_dict(network.state_dict())
    expected = predictor(repeated, ()).predict_sliding_window_return_logits(volume)
    torch.testing.assert_close(got, expected)
    assert (shuffled - own).abs().max() > 1e-4
    assert (got - own).abs().max() > 1e-4


def test_each_slice_is_encoded_once_per_tile_and_mirroring():
    network = build("CSANet", {"num_heads": 4, "vit_depth": 1}, double=False).eval()
    encoded = []
    network.encoder.register_forward_pre_hook(lambda module, inputs: encoded.append(len(inputs[0])))
    volume = torch.randn(1, 7, PATCH[0] + PATCH[0] // 2, PATCH[1])  # two tiles
    predictor(network, slices_at_a_time=3).predict_sliding_window_return_logits(volume)
    assert sum(encoded) == 7 * 2 * 4


@each(POSITION_OPTIONS)
def test_positions_are_those_in_the_volume_whatever_a_tile_contains(name, options):
    network = build(name, options, double=False).eval()
    height, width = PATCH
    volume = torch.randn(1, 7, height, 2 * width, generator=torch.Generator().manual_seed(1))
    volume[:, :3, :, :width] = 0  # the left tile's first slices are empty
    positions = ((torch.arange(7) + 0.5) / 7)[None, :, None, None].expand(1, 7, height, 2 * width)
    with torch.inference_mode():
        stacks = torch.cat([volume, positions])[None].split(width, dim=-1)
        expected = torch.cat([network(stack)[0] for stack in stacks], dim=-1)
    settings = {"tile_step_size": 1, "use_gaussian": False, "slices_at_a_time": 3}
    got = predictor(network, (), **settings).predict_sliding_window_return_logits(volume)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-4)


def test_shuffled_slices_keep_their_positions():
    network = build("SliceUNet", {"position": True}, double=False).eval()
    volume = torch.randn(1, 7, *PATCH, generator=torch.Generator().manual_seed(1))
    own, shuffled = (
        predictor(network, (), neighbours=kind).predict_sliding_window_return_logits(volume)
        for kind in ("own", "shuffle")
    )
    torch.testing.assert_close(shuffled, own)

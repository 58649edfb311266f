"""Where CSA-Net looks from a point, against the queries and keys of its layers."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from nnunet_slice_attention.attention.multi_head import MultiHeadAttention
from nnunet_slice_attention.inference.attention_checks import check_has_attention_maps
from nnunet_slice_attention.inference.point_maps import point_weights
from nnunet_slice_attention.inference.predictor import SlabPredictor
from tests.networks.configurations import PATCH, build, slab

OPTIONS = {"num_heads": 4, "vit_depth": 1}


def predictor_of(network, **options) -> SlabPredictor:
    made = SlabPredictor(device=torch.device("cpu"), allow_tqdm=False, **options)
    made.network, made.list_of_parameters = network.eval(), [network.state_dict()]
    made.configuration_manager = SimpleNamespace(patch_size=(4, *PATCH))
    made.trainer_name = "Net"
    return made


def weights_by_hooks(network, stack, index, token) -> dict[int, torch.Tensor]:
    """{offset: (L,)} from what the layers' projections return in a forward pass over the whole stack."""
    projected = {}

    def keep(name):
        return lambda module, inputs, output: projected.setdefault(name, []).append(output)

    for name in ("previous", "next", "in_slice"):
        if (layer := getattr(network, name)) is not None:
            layer.attention.query.register_forward_hook(keep(f"{name} query"))
            layer.attention.key.register_forward_hook(keep(f"{name} key"))
    network(stack)
    calls = {name: iter(outputs) for name, outputs in projected.items()}
    found = {}
    for offset in network.offsets:
        name = "in_slice" if offset == 0 else "previous" if offset < 0 else "next"
        if f"{name} query" in calls and 0 <= index + offset < stack.shape[2]:
            query, key = (next(calls[f"{name} {kind}"])[index] for kind in ("query", "key"))
            heads = network.previous.attention.num_heads
            q, k = (t.reshape(len(t), heads, -1) for t in (query, key))
            scores = torch.einsum("hd,lhd->hl", q[token], k) / q.shape[-1] ** 0.5
            found[offset] = torch.softmax(scores, dim=1).mean(dim=0)
        elif f"{name} query" in calls:
            next(calls[f"{name} query"]), next(calls[f"{name} key"])
    return found


@pytest.mark.parametrize("index", [0, 2])
@pytest.mark.parametrize("options", [{}, {"context_radius": 2}, {"in_slice": False}], ids=str)
def test_a_map_is_the_softmax_of_the_points_query_and_the_neighbours_keys(options, index):
    network, stack = build("CSANet", OPTIONS | options, double=False).eval(), slab().float()
    features = network.encoder(stack[:, :, 0])[network.stage].shape[-2:]
    tall, wide = (n // cells for n, cells in zip(PATCH, features, strict=True))
    row, column = 19, 37
    with torch.inference_mode():
        expected = weights_by_hooks(network, stack, index, row // tall * features[1] + column // wide)
    for slices in (1, 4):
        maps = point_weights(predictor_of(network, slices_at_a_time=slices), stack[0], (index, row, column))
        assert list(maps) == sorted(expected)
        for offset, weights in maps.items():
            assert weights.shape == PATCH and weights.sum() == pytest.approx(1)
            per_location = weights.reshape(features[0], tall, features[1], wide).sum(dim=(1, 3)).flatten()
            torch.testing.assert_close(per_location, expected[offset], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("size", [(50, 70), (30, 45), (27, 70)], ids=str)
def test_maps_sum_to_one_over_several_tiles_and_without_padding(size):
    network = build("CSANet", OPTIONS, double=False)
    volume = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
    maps = point_weights(predictor_of(network), volume, (1, 15, 20))
    assert {offset: weights.shape for offset, weights in maps.items()} == dict.fromkeys((-1, 0, 1), size)
    for weights in maps.values():
        assert weights.sum() == pytest.approx(1)


def test_the_weight_of_locations_that_are_padding_alone_is_left_out():
    network, size = build("CSANet", OPTIONS, double=False), (8, 12)
    for layer in (network.previous, network.in_slice, network.next):
        torch.nn.init.zeros_(layer.attention.query.weight)  # all positions weigh the same
    cells = network.encoder(torch.zeros(1, 1, *PATCH))[network.stage].shape[-2:]
    maps = point_weights(predictor_of(network), torch.ones(1, 3, *size), (1, 4, 4))
    starts = [(p - n) // 2 for p, n in zip(PATCH, size, strict=True)]
    strides = [p // c for p, c in zip(PATCH, cells, strict=True)]
    seen = [
        (start + n - 1) // stride - start // stride + 1
        for start, n, stride in zip(starts, size, strides, strict=True)
    ]
    assert maps
    for weights in maps.values():
        assert weights.sum() == pytest.approx(np.prod(seen) / np.prod(cells)) and weights.sum() < 0.5


def test_an_empty_slice_has_no_maps_and_is_no_neighbour():
    volume = slab().float()[0]
    volume[:, 1] = 0
    predictor = predictor_of(build("CSANet", OPTIONS, double=False))
    assert point_weights(predictor, volume, (1, 5, 5)) == {}
    assert list(point_weights(predictor, volume, (2, 5, 5))) == [0, 1]


def test_weights_are_right_in_half_precision():
    torch.manual_seed(0)
    layer = MultiHeadAttention(32, 4)
    query, key = 30 * torch.randn(1, 1, 32), torch.randn(1, 400, 32)
    with torch.inference_mode():
        exact = layer.weights(query, key)
        with torch.autocast("cpu", torch.bfloat16):
            half = layer.weights(query, key)
    assert half.dtype == torch.float32 and half.sum() == pytest.approx(1, abs=1e-5)
    assert (half - exact).abs().max() < 0.05


@pytest.mark.parametrize(
    ("network", "options", "neighbours", "problem"),
    [
        ("SliceAttention", {}, "own", "no attention to the positions of neighbouring slices"),
        ("CSANet", {"cross_slice": False}, "own", "no attention to the positions of neighbouring slices"),
        ("CSANet", {"direction": "paper"}, "own", "of positions of the slice itself"),
        ("CSANet", {"repeat_centre": True}, "own", "replaces each neighbour by the slice itself"),
        ("CSANet", {}, "shuffle", "--neighbours shuffle: weights are of a slice's own neighbours"),
    ],
)
def test_models_without_such_maps_are_refused(network, options, neighbours, problem):
    options = OPTIONS | options if network == "CSANet" else options
    predictor = predictor_of(build(network, options), neighbours=neighbours)
    with pytest.raises(ValueError, match=problem):
        check_has_attention_maps(predictor)

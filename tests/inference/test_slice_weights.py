"""How much each neighbour weighs: assembled from the layers as they compute it, and where the answer is."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from nnunet_slice_attention.inference.attention_checks import check_has_attention_weights
from nnunet_slice_attention.inference.slice_weights import attention_layers, regions, stack_weights
from nnunet_slice_attention.networks import create_network
from tests.networks.configurations import PATCH, build, every_network, slab

SIZE, DEPTH = 32, 6


def answers_next_door(rng: np.random.Generator, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise with one bright square per slice, (count, 1, S, H, W); the label of a slice is the next slice's square."""
    image = rng.normal(0, 0.1, (count, 1, DEPTH, SIZE, SIZE)).astype(np.float32)
    target = np.zeros((count, DEPTH, SIZE, SIZE), np.int64)
    for case in range(count):
        for index in range(DEPTH):
            y, x = rng.integers(0, SIZE - 10, 2)
            image[case, 0, index, y : y + 10, x : x + 10] += 2
            if index:
                target[case, index - 1, y : y + 10, x : x + 10] = 1
    return torch.from_numpy(image), torch.from_numpy(target)


def test_the_slice_that_holds_the_answer_weighs_most():
    torch.manual_seed(0)
    network = create_network("SliceAttention", 1, 2, (SIZE, SIZE), (8, 16, 32))
    optimizer, rng = torch.optim.Adam(network.parameters(), 3e-3), np.random.default_rng(0)
    for _ in range(120):
        image, target = answers_next_door(rng, 4)
        logits = network(image)
        loss = torch.nn.functional.cross_entropy(logits[:, :, :-1], target[:, :-1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    image, target = answers_next_door(rng, 1)
    inside = target[0, 1:-1] > 0
    weights = stack_weights(network.eval(), image, chunk=4)
    before, own, after = (weights[offset][1:-1][inside].mean() for offset in (-1, 0, 1))
    assert after > 0.5 > max(before, own)


@every_network
def test_weights_sum_to_one_however_many_slices_are_computed_at_a_time(name, options):
    network = build(name, options, double=False).eval()
    if not attention_layers(network):
        attending = ("SliceAttention", "TSFMUNet", "VAUNet", "VAMaskRCNN")
        assert name not in attending or {"identity", "finest_stage", "location"} & set(options)
        return
    stack = slab().float()
    whole, chunked = (stack_weights(network, stack, chunk) for chunk in (5, 2))
    assert set(whole) == set(chunked)
    for offset, weights in whole.items():
        assert weights.shape == (5, *PATCH)
        torch.testing.assert_close(weights, chunked[offset], rtol=0, atol=1e-5)
    has_one = [float(any(0 <= i + offset < 5 for offset in whole)) for i in range(5)]
    torch.testing.assert_close(sum(whole.values()), torch.tensor(has_one)[:, None, None].expand(5, *PATCH))
    for offset in set(whole) - {0} if not options.get("repeat_centre") else ():
        beyond = slice(None, -offset) if offset < 0 else slice(5 - offset, None)
        assert not whole[offset][beyond].any()  # there is no such slice


def test_a_model_without_attention_weights_is_refused_by_name():
    predictor = SimpleNamespace(network=build("SAUNet", {}), trainer_name="SAU", neighbours="own")
    with pytest.raises(ValueError, match="SAU has no attention weights over slices. Leave out --attention"):
        check_has_attention_weights(predictor)
    predictor.network = build("VAUNet", {"repeat_centre": True})
    with pytest.raises(ValueError, match="replaces each neighbour by the slice itself"):
        check_has_attention_weights(predictor)


def test_regions_are_the_image_the_structures_and_their_first_and_last_slice():
    image, segmented = np.ones((4, 2, 2), bool), np.zeros((4, 2, 2), bool)
    segmented[1:3, 0] = segmented[2, 1] = True
    found = regions(image, segmented)
    assert {name: np.argwhere(mask.any((1, 2))).ravel().tolist() for name, mask in found.items()} == {
        "image": [0, 1, 2, 3], "structures": [1, 2], "first slice": [1], "last slice": [2],
    }  # fmt: skip
    assert found["last slice"].sum() == 4
    assert set(regions(image, np.zeros_like(image))) == {"image"}

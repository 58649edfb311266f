"""Which slices are a slice's neighbours, and which of them exist."""

import pytest
import torch

from nnunet_slice_attention.attention.neighbours import Neighbourhood, offsets_within

STACK = torch.arange(4.0).reshape(1, 4, 1)  # slice i has the value i
ALL = torch.ones(1, 4, dtype=torch.bool)


def test_neighbours_are_selected_by_signed_offset_and_marked_missing_outside():
    neighbour, exists = Neighbourhood(range(3), ALL).neighbour(STACK, -1)
    assert exists.tolist() == [[False, True, True]]
    assert neighbour[0, 1:, 0].tolist() == [0, 1]


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("offset", [-7, -2, -1, 1, 3, 9])
def test_every_neighbour_is_the_slice_that_indexing_selects(depth, offset):
    stack = torch.arange(float(depth)).reshape(1, depth, 1)
    valid = torch.rand(1, depth, generator=torch.Generator().manual_seed(depth)) > 0.3
    for begin in range(depth):
        for end in range(begin + 1, depth + 1):
            neighbour, exists = Neighbourhood(range(begin, end), valid).neighbour(stack, offset)
            inside = [0 <= c + offset < depth for c in range(begin, end)]
            assert neighbour.shape == (1, end - begin, 1) and exists.shape == (1, end - begin)
            for t, c in enumerate(range(begin, end)):
                assert exists[0, t] == (inside[t] and valid[0, c + offset])
                assert not inside[t] or neighbour[0, t, 0] == c + offset


def test_the_centre_replaces_missing_neighbours_at_the_border_and_in_padding():
    assert Neighbourhood(range(4), ALL).neighbour_or_centre(STACK, 1).flatten().tolist() == [1, 2, 3, 3]
    valid = torch.tensor([[True, True, False, True]])
    assert Neighbourhood(range(4), valid).neighbour_or_centre(STACK, 1).flatten().tolist() == [1, 1, 3, 3]
    assert Neighbourhood(range(4), valid).neighbour_or_centre(STACK, -2).flatten().tolist() == [0, 1, 0, 1]


def test_validity_is_per_volume_of_the_batch():
    stack = STACK.repeat(2, 1, 1)
    valid = torch.tensor([[True] * 4, [True, False, True, True]])
    assert Neighbourhood(range(1), valid).neighbour_or_centre(stack, 1).flatten().tolist() == [1, 0]


def test_repeat_centre_replaces_every_neighbour_even_at_the_border():
    around = Neighbourhood(range(2, 4), ALL, repeat_centre=True)
    neighbour, exists = around.neighbour(STACK, 1)
    assert neighbour.flatten().tolist() == [2, 3] and exists.all()


def test_offsets_exclude_the_centre():
    assert offsets_within(2) == [-2, -1, 1, 2]
    assert offsets_within(1, step=3) == [-3, 3]
    assert offsets_within(0) == []

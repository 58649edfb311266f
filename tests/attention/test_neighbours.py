import torch

from nnunet_slice_attention.attention.neighbours import neighbour_or_centre, pick_neighbour

STACK = torch.arange(4.0).reshape(1, 4, 1)  # slice i holds the number i
ALL = torch.ones(1, 4, dtype=torch.bool)


def test_neighbours_are_picked_by_signed_offset_and_marked_missing_outside():
    neighbour, exists = pick_neighbour(STACK, [0, 1, 3], -1, ALL)
    assert exists.tolist() == [[False, True, True]]
    assert neighbour[0, 1:, 0].tolist() == [0, 2]


def test_the_centre_stands_in_at_the_border_and_for_padding():
    assert neighbour_or_centre(STACK, range(4), 1, ALL).flatten().tolist() == [1, 2, 3, 3]
    valid = torch.tensor([[True, True, False, True]])
    assert neighbour_or_centre(STACK, range(4), 1, valid).flatten().tolist() == [1, 1, 3, 3]
    assert neighbour_or_centre(STACK, range(4), -2, valid).flatten().tolist() == [0, 1, 0, 1]


def test_validity_is_per_volume_of_the_batch():
    stack = STACK.repeat(2, 1, 1)
    valid = torch.tensor([[True] * 4, [True, False, True, True]])
    assert neighbour_or_centre(stack, [0], 1, valid).flatten().tolist() == [1, 0]

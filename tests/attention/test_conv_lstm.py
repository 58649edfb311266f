"""The recurrence against PyTorch's LSTM: on maps of one pixel a convolution is its middle weights."""

import pytest
import torch

from nnunet_slice_attention.attention.conv_lstm import BidirectionalConvLSTM, ConvLSTM
from nnunet_slice_attention.attention.neighbours import Neighbourhood

DIM, HIDDEN, DEPTH = 3, 4, 6


def pytorch_lstm(cell: ConvLSTM) -> torch.nn.LSTM:
    """With the weights of `cell`, whose gates are input, forget, output, new; PyTorch has the last two swapped."""
    lstm = torch.nn.LSTM(DIM, HIDDEN, batch_first=True).double()
    order = torch.arange(4 * HIDDEN).unflatten(0, (4, HIDDEN))[[0, 1, 3, 2]].flatten()
    with torch.no_grad():
        lstm.weight_ih_l0.copy_(cell.input_conv.weight[order, :, 1, 1])
        lstm.weight_hh_l0.copy_(cell.state_conv.weight[order, :, 1, 1])
        lstm.bias_ih_l0.copy_(cell.input_conv.bias[order])
        lstm.bias_hh_l0.zero_()
    return lstm


@pytest.mark.parametrize("missing", [(), (0,), (2,), (0, 1, 5)])
@pytest.mark.parametrize("offsets", [[-2, -1, 0], [2, 1, 0], [-1, 0]])
def test_each_slice_gets_the_last_state_of_the_slices_that_exist_in_the_order_of_reading(offsets, missing):
    torch.manual_seed(0)
    cell, x = ConvLSTM(DIM, HIDDEN, offsets).double(), torch.randn(2, DEPTH, DIM, 1, 1).double()
    valid = torch.ones(2, DEPTH, dtype=torch.bool)
    valid[1, list(missing)] = False  # of the second stack alone
    state = cell(x, Neighbourhood(range(DEPTH), valid))
    lstm = pytorch_lstm(cell)
    for stack in range(2):
        for centre in range(DEPTH):
            read = [centre + offset for offset in offsets if 0 <= centre + offset < DEPTH]
            read = [i for i in read if valid[stack, i] or i == centre]
            expected = lstm(x[stack : stack + 1, read, :, 0, 0])[0][0, -1]
            torch.testing.assert_close(state[stack, centre, :, 0, 0], expected)


def test_the_state_sees_the_pixels_around_in_the_slices_around():
    torch.manual_seed(0)
    x = torch.randn(1, 3, DIM, 5, 5).double().requires_grad_()
    cell = ConvLSTM(DIM, HIDDEN, [-1, 0]).double()
    state = cell(x, Neighbourhood(range(1, 2), torch.ones(1, 3, dtype=torch.bool)))
    state[0, 0, :, 2, 2].sum().backward()
    seen = x.grad[0].abs().sum(dim=1) > 0
    assert seen[0].all()  # two convolutions of 3 x 3
    assert seen[1].sum() == 9  # one
    assert not seen[2].any()


def test_both_sides_reach_the_output_and_it_starts_as_the_identity():
    torch.manual_seed(0)
    x, valid = torch.randn(1, 5, 8, 4, 4).double(), torch.ones(1, 5, dtype=torch.bool)
    around = Neighbourhood(range(2, 3), valid)
    layer = BidirectionalConvLSTM(8, 2).double()
    for i in range(5):
        changed = x.clone()
        changed[:, i] += 1 - 2 * torch.rand(8, 4, 4).double()
        assert not torch.equal(layer(changed, around), layer(x, around))
    start = BidirectionalConvLSTM(8, 2, zero_start=True).double()
    assert torch.equal(start(x, around), x[:, 2:3])

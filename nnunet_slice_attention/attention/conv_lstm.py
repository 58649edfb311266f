"""Bidirectional convolutional LSTM over the slices of a stack (cell: Shi et al., NeurIPS 2015, without peepholes)."""

import torch
from torch import Tensor, nn

from .neighbours import Neighbourhood, unsqueeze_like


class ConvLSTM(nn.Module):
    """One direction: the state at each centre slice after reading the slices from `radius` away up to it.

    Args:
        dim: channels C of the features.
        hidden: channels of the state.
        offsets: the slices in the order of reading, e.g. [-2, -1, 0].
    """

    def __init__(self, dim: int, hidden: int, offsets: list[int]):
        super().__init__()
        self.hidden, self.offsets = hidden, offsets
        self.input_conv = nn.Conv2d(dim, 4 * hidden, 3, padding=1)
        self.state_conv = nn.Conv2d(hidden, 4 * hidden, 3, padding=1, bias=False)
        # An open forget gate lets the first slices be remembered (Jozefowicz et al., ICML 2015).
        nn.init.ones_(self.input_conv.bias[hidden : 2 * hidden])

    def forward(self, x: Tensor, around: Neighbourhood) -> Tensor:
        """(B, S, C, h, w) -> (B, T, hidden, h, w); slices that do not exist leave the state as it is."""
        inputs = self.input_conv(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        shape = (*around.centre(x).shape[:2], self.hidden, *x.shape[-2:])
        state, memory = inputs.new_zeros(shape), inputs.new_zeros(shape)
        for offset in self.offsets:
            gates, exists = around.neighbour(inputs, offset)
            if offset != self.offsets[0]:  # the state is 0 before
                gates = gates + self.state_conv(state.flatten(0, 1)).unflatten(0, shape[:2])
            let_in, keep, let_out, new = gates.chunk(4, dim=2)
            updated = keep.sigmoid() * memory + let_in.sigmoid() * new.tanh()
            exists = unsqueeze_like(exists, memory)
            memory = torch.where(exists, updated, memory)
            state = torch.where(exists, let_out.sigmoid() * updated.tanh(), state)
        return state


class BidirectionalConvLSTM(nn.Module):
    """x_i + W [h_i from before; h_i from behind]: (B, S, C, h, w) -> (B, T, C, h, w).

    Both directions start anew `radius` slices away from each centre slice and end at it, so that the output at a slice
    depends on the slices within `radius` alone, however deep the stack is. Norms are within a slice.

    Args:
        dim: channels C; the state of each direction has half of them.
        radius: slices on each side.
        zero_start: begin as the identity: W and its bias are zero.
    """

    def __init__(self, dim: int, radius: int, zero_start: bool = False):
        super().__init__()
        self.norm = nn.GroupNorm(1, dim)
        hidden = dim // 2
        self.before = ConvLSTM(dim, hidden, list(range(-radius, 1)))
        self.behind = ConvLSTM(dim, hidden, list(range(radius, -1, -1)))
        self.out = nn.Conv2d(2 * hidden, dim, 1)
        if zero_start:
            nn.init.zeros_(self.out.weight)
            nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor, around: Neighbourhood) -> Tensor:
        content = self.norm(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        states = torch.cat([self.before(content, around), self.behind(content, around)], dim=2)
        return around.centre(x) + self.out(states.flatten(0, 1)).unflatten(0, states.shape[:2])

"""Which slices of a stack are blank, and so count as missing."""

from torch import Tensor

# Of the largest value of a stack. nnU-Net's resampling leaves such values outside the mask that an image was normalised
# in; in training nnU-Net sets them to 0, in prediction it does not.
BLANK = 1e-6


def blank_slices(stack: Tensor) -> Tensor:
    """(B, S, C, H, W) -> (B, S) bool: all values of the slice are 0, or negligible beside the largest of the stack."""
    largest = stack.abs().amax(dim=(2, 3, 4))
    return largest <= BLANK * largest.amax(dim=1, keepdim=True)

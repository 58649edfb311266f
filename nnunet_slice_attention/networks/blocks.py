"""dynamic-network-architectures' convolution block, configured like a given encoder; a zero-initialised residual."""

import torch
from dynamic_network_architectures.building_blocks.simple_conv_blocks import ConvDropoutNormReLU
from dynamic_network_architectures.initialization.weight_init import InitWeights_He
from torch import Tensor, nn


def conv_block_like(encoder: nn.Module, in_channels: int, out_channels: int, kernel_size: int) -> nn.Module:
    """Convolution, norm and activation as in `encoder`: (N, in, h, w) -> (N, out, h, w)."""
    block = ConvDropoutNormReLU(
        encoder.conv_op,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        conv_bias=encoder.conv_bias,
        norm_op=encoder.norm_op,
        norm_op_kwargs=encoder.norm_op_kwargs,
        nonlin=encoder.nonlin,
        nonlin_kwargs=encoder.nonlin_kwargs,
    )
    return register_once(block.apply(InitWeights_He(1e-2)))


class ZeroInitResidual(nn.Module):
    """x + gain * added with a zero-initialised gain per channel: (..., C, h, w) twice -> (..., C, h, w)."""

    def __init__(self, dim: int):
        super().__init__()
        self.gain = nn.Parameter(torch.zeros(dim, 1, 1))

    def forward(self, x: Tensor, added: Tensor) -> Tensor:
        return x + self.gain * added


def register_once(module: nn.Module) -> nn.Module:
    """Remove the second name under which the library's blocks register each of their layers.

    A block runs `all_modules` and also keeps its members as `conv`, `norm`, ... which would store every weight
    twice in a checkpoint. nnU-Net's checkpoints have both names, so `SliceUNet` can load them as pretrained weights.
    """
    for block in module.modules():
        if isinstance(block, ConvDropoutNormReLU):
            kept = {id(m) for m in block.all_modules}
            for name, child in list(block.named_children()):
                if id(child) in kept:
                    delattr(block, name)
    return module
